"""The filing form: a new platform, a changed one, one to be renewed."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from idp.errors import InvalidClientMetadataError
from idp.platforms import filing, store
from idp.platforms.draft import ROLES, SENSITIVE, read_draft
from idp.platforms.errors import BlockedError, PlatformError
from idp.platforms.fields import Typed
from idp.platforms.numbers import PROTECTION_LEVELS
from idp.platforms.states import BLOCKED, REMOVED
from idp.platforms.technical import METHODS, PROFILES
from idp.routes.developer import ClientId
from idp.routes.platform_pages import developer, see, show_form, typed_in
from idp.routes.services import idp_of
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError

router = APIRouter(prefix="/developer", include_in_schema=False)
FIRST: Typed = {
    "application_type": ["web"],
    "method": ["client_secret_basic"],
    "profile": ["es256"],
}


@router.get("/platforms/new", dependencies=[allow("signed-in")])
async def new_platform(request: Request, actor: CurrentActor) -> Response:
    """Ask what a platform's owner has to file."""
    developer(actor)
    return _form(request, FIRST)


@router.post("/platforms", dependencies=[allow("signed-in"), CSRF])
async def file_platform(request: Request, actor: CurrentActor) -> Response:
    """File a new platform."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    try:
        draft = read_draft(typed, today=idp.today())
        with idp.database.write() as session:
            client_id = filing.file_platform(session, draft, person_id=person_id, keyed=idp.keyed, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _form(request, typed, error=error)
    return see(f"/developer/clients/{client_id}")


@router.get("/platforms/{client_id}/file", dependencies=[allow("signed-in")])
async def platform_again(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Show the last filing again, to be changed or renewed."""
    with idp_of(request).database.read() as session:
        client = filing.own_platform(session, client_id, developer(actor).person_id)
        if client.state in (BLOCKED, REMOVED):
            raise BlockedError("the platform is blocked")
        last = store.latest(session, client_id)
    return _form(request, FIRST if last is None else filing.typed_again(last, client), client_id=client_id)


@router.post("/platforms/{client_id}/file", dependencies=[allow("signed-in"), CSRF])
async def file_again(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """File a new version of a platform."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    _known(request, client_id, person_id)
    try:
        draft = read_draft(typed, today=idp.today())
        with idp.database.write() as session:
            filing.file_again(session, client_id, draft, person_id=person_id, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _form(request, typed, client_id=client_id, error=error)
    idp.clients.forget(client_id)
    return see(f"/developer/clients/{client_id}")


def _known(request: Request, client_id: str, person_id: UUID) -> None:
    with idp_of(request).database.read() as session:
        filing.own_platform(session, client_id, person_id)


def _form(request: Request, typed: Typed, *, client_id: str | None = None, error: XinjiError | None = None) -> Response:
    values = {
        "client_id": client_id,
        "roles": ROLES,
        "sensitive": SENSITIVE,
        "levels": PROTECTION_LEVELS,
        "methods": METHODS,
        "profiles": tuple(PROFILES),
        "today": idp_of(request).today(),
    }
    return show_form(request, "developer/filing.html", values, typed=typed, error=error)
