"""The own account: factors, recovery codes, password, signed-in browsers, platforms."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from idp import sessions, store
from idp.ages import is_child
from idp.authn import activation, factors, totp
from idp.authn.password_rules import MINIMUM, STAFF_MINIMUM, check_new_password
from idp.consent import store as consents
from idp.consent.showing import platforms_of
from idp.directory import guardianship
from idp.errors import IdpError, PasswordRefusedError, SignInError
from idp.levels import OTP, PASSWORD
from idp.people import is_staff
from idp.routes import cookies
from idp.routes.forms import HOME, go, show, wished
from idp.routes.hashing import hashed
from idp.routes.services import IdpServices, idp_of
from idp.routes.signed_in import go_on_signed_in, open_browser_session
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import NotFoundError
from kernel.pages import grouped

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=1_000)]
Next = Annotated[str, Form(alias="next")]


@router.get(HOME, dependencies=[allow("signed-in")])
async def account_page(request: Request, actor: CurrentActor) -> Response:
    """Show the own account."""
    return show(request, "account.html", _account_values(idp_of(request), actor))


@router.get("/account/totp", dependencies=[allow("signed-in")])
async def totp_page(request: Request, actor: CurrentActor) -> Response:
    """Show the QR of an authenticator being set up; the same one until its first code is right."""
    next_ = wished(request)
    if not _is_recent(request, actor):
        return _step_up(request)
    return show(request, "totp.html", _totp_values(request, actor), next_=next_)


@router.post("/account/totp", dependencies=[allow("signed-in"), CSRF])
async def take_first_code(request: Request, actor: CurrentActor, code: Text = "", next_field: Next = "") -> Response:
    """Take the authenticator into use, and show ten recovery codes once."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    now = idp.now()
    if not _is_recent(request, actor):
        return _step_up(request)
    try:
        with idp.database.write() as session:
            codes = factors.confirm_totp(session, actor.person_id, code, now=now, by=idp.authenticators)
            row = store.session(session, UUID(actor.session_id))
            token = sessions.renew(row, [PASSWORD, OTP], keyed=idp.keyed, now=now) if row else ""
    except SignInError as error:
        return show(request, "totp.html", _totp_values(request, actor), error=error, next_=next_)
    response = show(request, "recovery_codes.html", {"codes": codes, "fresh": True}, next_=next_)
    cookies.write(request, response, cookies.SESSION, token)
    return response


@router.post("/account/totp/remove", dependencies=[allow("signed-in"), CSRF])
async def remove_totp(request: Request, actor: CurrentActor) -> Response:
    """Remove the authenticator; staff cannot."""
    idp = idp_of(request)
    if not _is_recent(request, actor):
        return _step_up(request, back=HOME)
    try:
        with idp.database.write() as session:
            factors.remove_totp(session, actor.person_id, staff=is_staff(actor.roles), now=idp.now())
    except IdpError as error:
        return show(request, "account.html", _account_values(idp, actor), error=error)
    return go(HOME)


@router.post("/account/recovery-codes", dependencies=[allow("signed-in"), CSRF])
async def new_recovery_codes(request: Request, actor: CurrentActor) -> Response:
    """Replace the recovery codes, and show the new ones once."""
    idp = idp_of(request)
    if not _is_recent(request, actor):
        return _step_up(request, back=HOME)
    with idp.database.write() as session:
        if store.confirmed_totp(session, actor.person_id) is None:
            raise NotFoundError("there is no authenticator to recover")
        codes = factors.renew_recovery_codes(session, actor.person_id, now=idp.now(), by=idp.authenticators)
    return show(request, "recovery_codes.html", {"codes": codes, "fresh": False})


@router.get("/account/password", dependencies=[allow("signed-in")])
async def password_page(request: Request, actor: CurrentActor) -> Response:
    """Ask for a new password."""
    if not _is_recent(request, actor):
        return _step_up(request)
    return show(request, "password.html", _password_values(actor))


@router.post("/account/password", dependencies=[allow("signed-in"), CSRF])
async def take_new_password(
    request: Request, actor: CurrentActor, password: Text = "", password2: Text = ""
) -> Response:
    """Change the password: every other browser is signed out."""
    idp = idp_of(request)
    if not _is_recent(request, actor):
        return _step_up(request)
    try:
        check_new_password(password, password2, eid=actor.eid, staff=is_staff(actor.roles))
    except PasswordRefusedError as error:
        return show(request, "password.html", _password_values(actor), error=error)
    password_hash = await hashed(idp.passwords.hash, password)
    with idp.database.write() as session:
        activation.change_password(session, actor.person_id, password_hash, idp.now())
        token = open_browser_session(session, request, actor.person_id, actor.amr)
    return go_on_signed_in(request, actor.person_id, token, HOME)


@router.post("/account/sessions/{session_id}/end", dependencies=[allow("signed-in"), CSRF])
async def end_session(request: Request, actor: CurrentActor, session_id: UUID) -> Response:
    """Sign one of the own browsers out."""
    idp = idp_of(request)
    with idp.database.write() as session:
        if sessions.end_session(session, session_id, actor.person_id, idp.now()) is None:
            raise NotFoundError("there is no such session")
    return go(HOME)


def _is_recent(request: Request, actor: Actor) -> bool:
    return sessions.is_recent(actor.auth_time, idp_of(request).now())


def _step_up(request: Request, *, back: str | None = None) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return go("/signin/step-up", next_=back or request.url.path + query)


def _totp_values(request: Request, actor: Actor) -> dict[str, str | bool]:
    idp = idp_of(request)
    with idp.database.write() as session:
        secret = factors.begin_totp(session, actor.person_id, now=idp.now(), by=idp.authenticators)
        replaces = store.confirmed_totp(session, actor.person_id) is not None
    return {
        "qr": totp.qr_picture(totp.provisioning_uri(secret, grouped(actor.eid))),
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "staff": is_staff(actor.roles),
        "replaces": replaces,
    }


def _password_values(actor: Actor) -> dict[str, int | str]:
    return {"minimum": STAFF_MINIMUM if is_staff(actor.roles) else MINIMUM, "eid": actor.eid}


def _account_values(idp: IdpServices, actor: Actor) -> dict[str, object]:
    now, vault = idp.now(), idp.directory.vault
    with idp.database.read() as session:
        subject = idp.subject(session, actor.person_id)
        child = subject is not None and is_child(subject.birthdate, idp.today())
        links = guardianship.children_of(session, actor.person_id, now=now, vault=vault)
        mine = guardianship.guardians_of(session, actor.person_id, now=now, vault=vault)
        children = [link.child_id for link in links if link.decides]
        return {
            "places": {held.organisation: held for held in subject.affiliations} if subject else {},
            "factor": store.confirmed_totp(session, actor.person_id),
            "codes_left": store.recovery_codes_left(session, actor.person_id),
            "sessions": store.sessions_of(session, actor.person_id, now),
            "platforms": platforms_of(session, actor.person_id, child=child, now=now),
            "staff": is_staff(actor.roles),
            "children": len(links),
            "guardians": len(mine),
            "notices": guardianship.notices_for(session, actor.person_id, now=now, vault=vault),
            "waiting": len(consents.open_requests(session, children, now)),
        }
