"""The developers' console: own platforms and test clients, secrets shown once, keys, settings to copy."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import Response

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import SECRET_METHODS, ClientMetadata
from idp.oauth.clients.registration import PLATFORM, TEST
from idp.oauth.models import Client
from idp.platforms import console, store
from idp.platforms.errors import PlatformError
from idp.platforms.fields import Typed
from idp.platforms.states import BLOCKED, REMINDED, REMOVED
from idp.platforms.technical import METHODS, PROFILES, profile_of, typed_technical
from idp.routes.platform_pages import developer, see, show_form, typed_in
from idp.routes.services import idp_of
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import NotFoundError, XinjiError

router = APIRouter(prefix="/developer", include_in_schema=False)
ClientId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Confirmation = Annotated[str, Form(max_length=16)]
FIRST_TEST: Typed = {
    "application_type": ["web"],
    "method": ["client_secret_basic"],
    "profile": ["es256"],
    "scope": ["profile"],
    "redirect_uris": ["http://127.0.0.1:8001/callback"],
}


@router.get("", dependencies=[allow("signed-in")])
async def start(request: Request, actor: CurrentActor) -> Response:
    """List the own platforms and test clients."""
    idp = idp_of(request)
    with idp.database.read() as session:
        rows = store.own_clients(session, developer(actor).person_id)
    now = idp.now()
    values = {
        "platforms": [(client, filing) for client, filing in rows if client.kind == PLATFORM],
        "tests": [client for client, _ in rows if client.kind == TEST],
        "now": now,
        "soon": now + REMINDED,
        "most": console.MOST_TESTS,
        "days": console.TEST_LIFE.days,
    }
    return show_form(request, "developer/start.html", values, typed={})


@router.get("/tests/new", dependencies=[allow("signed-in")])
async def new_test(request: Request, actor: CurrentActor) -> Response:
    """Ask what a test client is to be."""
    developer(actor)
    return _test_form(request, FIRST_TEST)


@router.post("/tests", dependencies=[allow("signed-in"), CSRF])
async def create_test(request: Request, actor: CurrentActor) -> Response:
    """Make a test client, and show its secret once."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    try:
        draft = console.read_test(typed)
        with idp.database.write() as session:
            made = console.create_test(session, draft, person_id=person_id, keyed=idp.keyed, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _test_form(request, typed, error=error)
    return _client_page(request, made.client_id, person_id, secret=made.client_secret, fresh=True)


@router.get("/clients/{client_id}", dependencies=[allow("signed-in")])
async def client(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Show a platform or a test client with what a stock library needs."""
    return _client_page(request, client_id, developer(actor).person_id)


@router.get("/clients/{client_id}/edit", dependencies=[allow("signed-in")])
async def edit_test(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Ask what a test client is to be from now on."""
    found = _own(request, client_id, developer(actor).person_id, kind=TEST)
    metadata = ClientMetadata.model_validate(found.registered)
    typed = {**typed_technical(metadata), "name": [found.name.removesuffix(console.MARK)]}
    return _test_form(request, typed, client=found)


@router.post("/clients/{client_id}/edit", dependencies=[allow("signed-in"), CSRF])
async def change_test(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Change a test client, at once."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    found = _own(request, client_id, person_id, kind=TEST)
    try:
        draft = console.read_test(typed)
        with idp.database.write() as session:
            console.change_test(session, client_id, draft, person_id=person_id, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _test_form(request, typed, client=found, error=error)
    idp.clients.forget(client_id)
    return see(f"/developer/clients/{client_id}")


@router.post("/clients/{client_id}/end", dependencies=[allow("signed-in"), CSRF])
async def end_test(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """End a test client."""
    idp = idp_of(request)
    with idp.database.write() as session:
        console.end_test(session, client_id, person_id=developer(actor).person_id, now=idp.now())
    idp.clients.forget(client_id)
    return see("/developer")


@router.post("/clients/{client_id}/secret", dependencies=[allow("signed-in"), CSRF])
async def new_secret(
    request: Request, actor: CurrentActor, client_id: ClientId, confirmed: Confirmation = ""
) -> Response:
    """Make a new secret, and show it once."""
    idp = idp_of(request)
    person_id = developer(actor).person_id
    if confirmed != "yes":
        return _client_page(request, client_id, person_id, asked="secret")
    try:
        with idp.database.write() as session:
            secret = console.new_secret(session, client_id, person_id=person_id, keyed=idp.keyed, now=idp.now())
    except PlatformError as error:
        return _client_page(request, client_id, person_id, error=error)
    idp.clients.forget(client_id)
    return _client_page(request, client_id, person_id, secret=secret)


@router.post("/clients/{client_id}/keys", dependencies=[allow("signed-in"), CSRF])
async def change_keys(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Take other keys into use."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    try:
        with idp.database.write() as session:
            console.change_keys(session, client_id, typed, person_id=person_id, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _client_page(request, client_id, person_id, typed=typed, error=error)
    idp.clients.forget(client_id)
    return see(f"/developer/clients/{client_id}")


def _own(request: Request, client_id: str, person_id: UUID, *, kind: str | None = None) -> Client:
    with idp_of(request).database.read() as session:
        found = console.own_client(session, client_id, person_id)
    if kind is not None and found.kind != kind:
        raise NotFoundError("there is no such test client")
    return found


def _test_form(
    request: Request, typed: Typed, *, client: Client | None = None, error: XinjiError | None = None
) -> Response:
    values = {
        "client": client,
        "methods": METHODS,
        "profiles": tuple(PROFILES),
        "most": console.MOST_TESTS,
        "days": console.TEST_LIFE.days,
    }
    return show_form(request, "developer/test.html", values, typed=typed, error=error)


def _client_page(
    request: Request,
    client_id: str,
    person_id: UUID,
    *,
    typed: Typed | None = None,
    error: XinjiError | None = None,
    **shown: Any,
) -> Response:
    idp = idp_of(request)
    with idp.database.read() as session:
        found = console.own_client(session, client_id, person_id)
        filing = store.latest(session, client_id)
        decisions = store.decisions_of(session, client_id)
    metadata = ClientMetadata.model_validate(found.registered)
    now = idp.now()
    values = {
        "client": found,
        "filing": filing,
        "decisions": decisions,
        "metadata": metadata,
        "profile": profile_of(metadata),
        "with_secret": metadata.token_endpoint_auth_method in SECRET_METHODS,
        "closed": found.state in (BLOCKED, REMOVED),
        "issuer": idp.issuer,
        "over": found.expires_at is not None and found.expires_at <= now,
        "soon": found.expires_at is not None and found.expires_at <= now + REMINDED,
        "now": now,
        "secret": None,
        "fresh": False,
        "asked": "",
        **shown,
    }
    before = typed_technical(metadata)
    return show_form(request, "developer/client.html", values, typed=typed or before, error=error)
