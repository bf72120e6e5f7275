"""Before consent and before an answer: may this person sign in at this platform at all?"""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from idp.ages import ADULT, age_on
from idp.directory import lookup
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.clients.registration import TEST
from idp.platforms.access import check_may_use
from idp.routes.services import idp_of


def check_platform_use(request: Request, client: RegisteredClient, person_id: UUID) -> None:
    """Check that the person may sign in at the platform.

    Raises:
        TestClientError: It is another developer's test client.
        MinorsNotApprovedError: It was not approved for minors, and the person is one.
    """
    idp = idp_of(request)
    if client.kind != TEST and client.registered_by is None:
        return  # Nobody filed it: nothing is limited, and nothing need be looked up.
    with idp.database.read_core() as connection:

        def is_minor() -> bool:
            person = lookup.person_by_id(connection, idp.directory.vault, person_id)
            born = None if person is None else person.birthdate
            return born is not None and age_on(born, idp.today()) < ADULT

        check_may_use(connection, client, person_id, is_minor=is_minor)
