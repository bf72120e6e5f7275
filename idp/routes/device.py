"""The pages of the device flow (RFC 8628 §3.3): type or confirm the code, see who asks for what, allow or refuse."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from idp.authn.device_code import look_up_device
from idp.consent import asking
from idp.consent.giving import refuse_consent
from idp.consent.wish import Wish, wish_of
from idp.errors import DeviceTriesError, UnknownDeviceCodeError
from idp.oauth.device.decision import WaitingDevice, allow_device, refuse_device
from idp.oauth.device.endpoint import PATH
from idp.oauth.device.user_code import MAX_TYPED, read_user_code, shown
from idp.routes import consents
from idp.routes.forms import go, show
from idp.routes.platform_gate import check_platform_use
from idp.routes.services import idp_of
from idp.routes.signed_in import address_of, signed_in_as
from kernel.access import Actor, CurrentActor, actor_or_none, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError
from kernel.pages import pages_of

router = APIRouter(include_in_schema=False)
Typed = Annotated[str, Form(max_length=MAX_TYPED)]
Decision = Annotated[str, Form(max_length=16)]
Seen = Annotated[str, Form(max_length=64)]


@router.get(PATH, dependencies=[allow("anyone")])
async def device(request: Request, user_code: str = "") -> Response:
    """Ask for the code; one that came in the address (§3.3.1) is only filled in: the person compares and confirms."""
    code = read_user_code(user_code)
    if actor_or_none(request) is None:
        return go("/signin", next_=f"{PATH}?{urlencode({'user_code': shown(code)})}" if code else PATH)
    return _ask(request, shown(code) if code else "")


@router.post(PATH, dependencies=[allow("signed-in"), CSRF])
async def enter(request: Request, actor: CurrentActor, user_code: Typed = "") -> Response:
    """Show who asks for what."""
    try:
        waiting = _find(request, actor, user_code)
    except (UnknownDeviceCodeError, DeviceTriesError) as error:
        return _ask(request, user_code, error=error)
    return _consent_page(request, waiting, actor)


@router.post(f"{PATH}/decision", dependencies=[allow("signed-in"), CSRF])
async def decide(
    request: Request, actor: CurrentActor, user_code: Typed = "", decision: Decision = "", seen: Seen = ""
) -> Response:
    """Take the person's decision. The device hears of it at its next poll.

    `seen` says what was on the page: a wish that has changed since, or that was never shown, is shown first.
    """
    allowed = decision == "allow"
    try:
        waiting = _find(request, actor, user_code)
        if decision == "ask":
            return _ask_guardians(request, waiting, actor)
        if allowed and not consents.was_shown(request, actor.person_id, _wish(waiting), seen):
            return _consent_page(request, waiting, actor)
        _allow(request, waiting, actor) if allowed else _refuse(request, waiting, actor)
    except (UnknownDeviceCodeError, DeviceTriesError) as error:
        return _ask(request, "", error=error)
    return go(f"{PATH}/{'allowed' if allowed else 'refused'}")


@router.get(f"{PATH}/allowed", dependencies=[allow("anyone")])
async def allowed(request: Request) -> Response:
    """Send the person back to the device."""
    return pages_of(request).render(request, "idp/device_decided.html", {"allowed": True})


@router.get(f"{PATH}/refused", dependencies=[allow("anyone")])
async def refused(request: Request) -> Response:
    """Say that nothing was given."""
    return pages_of(request).render(request, "idp/device_decided.html", {"allowed": False})


def _ask(request: Request, typed: str, *, error: XinjiError | None = None) -> Response:
    return show(request, "device.html", {"typed": typed, "given": bool(typed) and error is None}, error=error)


def _find(request: Request, actor: Actor, typed: str) -> WaitingDevice:
    idp = idp_of(request)
    waiting = look_up_device(
        typed,
        person_id=actor.person_id,
        address=address_of(request),
        database=idp.database,
        clients=idp.clients,
        keyed=idp.keyed,
        clock=idp.clock,
    )
    check_platform_use(request, waiting.client, actor.person_id, resources=waiting.resources or ())
    return waiting


def _consent_page(request: Request, waiting: WaitingDevice, actor: Actor) -> Response:
    values = {
        "client": waiting.client,
        **consents.page_values(request, actor.person_id, _wish(waiting)),
        "action": f"{PATH}/decision",
        "user_code": shown(waiting.user_code),
    }
    return pages_of(request).render(request, "idp/device_consent.html", values)


def _wish(waiting: WaitingDevice) -> Wish:
    return wish_of(waiting.client, waiting.scopes, details=waiting.details or (), resources=waiting.resources or ())


def _ask_guardians(request: Request, waiting: WaitingDevice, actor: Actor) -> Response:
    """Put a child's wish to the guardians; once they agree, the child goes on with a fresh code."""
    idp = idp_of(request)
    asking.ask(idp.database, actor.person_id, _wish(waiting), now=idp.now(), vault=idp.directory.vault)
    return _consent_page(request, waiting, actor)


def _allow(request: Request, waiting: WaitingDevice, actor: Actor) -> None:
    idp = idp_of(request)
    now = idp.now()
    signed_in = signed_in_as(actor)
    assert signed_in is not None  # noqa: S101 - there is an actor
    wish = _wish(waiting)
    known = consents.is_known(request, actor.person_id, wish)  # A screen in daily use leaves one receipt, not hundreds.
    with idp.database.write() as session:
        if not known:
            consents.give(request, session, actor.person_id, wish)
        allow_device(session, waiting, signed_in, pairwise_key=idp.pairwise_key, now=now)


def _refuse(request: Request, waiting: WaitingDevice, actor: Actor) -> None:
    idp = idp_of(request)
    now = idp.now()
    with idp.database.write() as session:
        refuse_device(session, waiting, now)
        refuse_consent(session, actor.person_id, waiting.client.client_id, now)
