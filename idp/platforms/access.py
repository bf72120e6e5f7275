"""Who may sign in at a platform at all: looked at where a person is known and before anything is told.

A test client signs in its own developer and nobody else, and so does what a developer
registered by program (`permits`). A platform that was approved for adults only signs in no
minor. Platforms that the operator or the province registered are not limited here.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.clients.registration import DYNAMIC, PLATFORM, TEST
from idp.platforms import store
from idp.platforms.errors import MinorsNotApprovedError, TestClientError
from kernel.store import Executor


def check_may_use(on: Executor, client: RegisteredClient, person_id: UUID, *, is_minor: Callable[[], bool]) -> None:
    """Check that the person may sign in at the platform; `is_minor` is asked only where it matters.

    Raises:
        TestClientError: It is another developer's test client.
        MinorsNotApprovedError: It was not approved for minors, and the person is one.
    """
    developers = client.kind == TEST or (client.kind == DYNAMIC and client.registered_by is not None)
    if developers and client.registered_by != person_id:
        raise TestClientError("a test client signs in its developer alone")
    if client.kind != PLATFORM or client.registered_by is None:
        return
    if store.for_adults_only(on, client.client_id) and is_minor():
        raise MinorsNotApprovedError("it was approved for adults only", platform=client.name)
