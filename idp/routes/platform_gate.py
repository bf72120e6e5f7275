"""Before consent and before an answer: may this person sign in at this platform at all?"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from fastapi import Request

from idp.ages import ADULT, age_on
from idp.directory import lookup
from idp.oauth.clients.registered import RESOURCE, RegisteredClient
from idp.oauth.clients.registration import TEST
from idp.platforms.access import check_may_use
from idp.routes.services import idp_of


def check_platform_use(
    request: Request, client: RegisteredClient, person_id: UUID, *, resources: Iterable[str] = ()
) -> None:
    """Check that the person may sign in at the platform, and that tokens may go on to the platforms it names.

    Raises:
        TestClientError: It is another developer's test client.
        MinorsNotApprovedError: It was not approved for minors, and the person is one.
    """
    clients = idp_of(request).clients
    others = (clients.get(uri.removeprefix(RESOURCE)) for uri in resources if uri.startswith(RESOURCE))
    for platform in (client, *filter(None, others)):
        _check(request, platform, person_id)


def _check(request: Request, client: RegisteredClient, person_id: UUID) -> None:
    idp = idp_of(request)
    if client.kind != TEST and client.registered_by is None:
        return  # Nobody filed it: nothing is limited, and nothing need be looked up.
    with idp.database.read_core() as connection:

        def is_minor() -> bool:
            person = lookup.person_by_id(connection, idp.directory.vault, person_id)
            born = None if person is None else person.birthdate
            return born is not None and age_on(born, idp.today()) < ADULT

        check_may_use(connection, client, person_id, is_minor=is_minor)
