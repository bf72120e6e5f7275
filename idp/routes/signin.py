"""Sign-in pages: person number and password, then the second factor; step-up."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from idp import store
from idp.authn import sign_in
from idp.authn.sign_in import Candidate, FactorResult
from idp.directory import lookup
from idp.directory.eid import parse_eid
from idp.directory.errors import InputError
from idp.errors import (
    FactorSuspendedError,
    FlowExpiredError,
    SignInError,
    WrongCodeError,
    WrongCredentialsError,
)
from idp.levels import OTP, PASSWORD
from idp.people import is_staff
from idp.routes import cookies
from idp.routes.forms import go, hinted_eid, show, wished
from idp.routes.hashing import hashed
from idp.routes.services import idp_of
from idp.routes.signed_in import address_of, go_on_signed_in, open_browser_session
from kernel.access import Actor, CurrentActor, actor_or_none, allow
from kernel.csrf import CSRF

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=1_000)]
Next = Annotated[str, Form(alias="next")]
_REFUSALS = {
    FactorResult.WRONG: WrongCodeError,
    FactorResult.SUSPENDED: FactorSuspendedError,
    FactorResult.EXPIRED: FlowExpiredError,
}


@router.get("/signin", dependencies=[allow("anyone")])
async def sign_in_page(request: Request) -> Response:
    """Show the sign-in form; whoever is signed in and sent by nobody goes to the own account."""
    next_ = wished(request)
    actor = actor_or_none(request)
    if actor is not None and "next" not in request.query_params:
        return go(next_)
    # Who wants, or is wanted, to be somebody else is not offered the own number again.
    other = actor is not None and request.query_params.get("as") == "other"
    login = hinted_eid(request, next_) or (actor.eid if actor and not other else "")
    return show(request, "signin.html", {"login": login, "other": other}, next_=next_)


@router.post("/signin", dependencies=[allow("anyone"), CSRF])
async def take_password(request: Request, login: Text = "", password: Text = "", next_field: Next = "") -> Response:
    """Check number and password; go on to the second factor, or in."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    try:
        candidate = _begin(request, parse_eid(login))
        person_id, better = await _checked(request, candidate, password)
    except (SignInError, InputError) as error:
        return show(request, "signin.html", {"login": login, "other": False}, error=error, next_=next_)
    with idp.database.write() as session:
        pending = sign_in.complete_password(
            session, candidate, person_id, better_hash=better, now=idp.now(), keyed=idp.keyed
        )
        token = None if pending else open_browser_session(session, request, person_id, [PASSWORD])
    if token is not None:
        return go_on_signed_in(request, person_id, token, next_)
    response = go("/signin/factor", next_=next_)
    cookies.write(request, response, cookies.PENDING, pending or "")
    return response


@router.get("/signin/factor", dependencies=[allow("anyone")])
async def factor_page(request: Request) -> Response:
    """Ask for the second factor of a sign-in whose password was right."""
    next_ = wished(request)
    idp = idp_of(request)
    token_hash = idp.keyed.of("pending", cookies.read(request, cookies.PENDING) or "")
    with idp.database.read() as session:
        pending = store.pending(session, token_hash, sign_in.FACTOR, idp.now())
    return show(request, "factor.html", next_=next_) if pending else go("/signin", next_=next_)


@router.post("/signin/factor", dependencies=[allow("anyone"), CSRF])
async def take_factor(request: Request, code: Text = "", next_field: Next = "") -> Response:
    """Check a one-time password or a recovery code, and go in."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    cookie = cookies.read(request, cookies.PENDING) or ""
    with idp.database.write() as session:
        result, person_id = sign_in.complete_factor(
            session, cookie, code, address=address_of(request), now=idp.now(), by=idp.authenticators
        )
        token = None
        if result not in _REFUSALS and person_id:
            token = open_browser_session(session, request, person_id, [PASSWORD, OTP])
    if token is None or person_id is None:
        template = "signin.html" if result is FactorResult.EXPIRED else "factor.html"
        return show(request, template, {"login": "", "other": False}, error=_REFUSALS[result](), next_=next_)
    return go_on_signed_in(request, person_id, token, next_)


@router.get("/signin/step-up", dependencies=[allow("signed-in")])
async def step_up_page(request: Request, actor: CurrentActor) -> Response:
    """Ask who is signed in to prove it again, with both factors where there are two."""
    return show(request, "step_up.html", _step_up_values(request, actor), next_=wished(request))


@router.post("/signin/step-up", dependencies=[allow("signed-in"), CSRF])
async def take_step_up(
    request: Request, actor: CurrentActor, password: Text = "", code: Text = "", next_field: Next = ""
) -> Response:
    """Check password and second factor again; the session gets a new token. Staff without a factor set one up."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    try:
        candidate = _begin(request, actor.eid)
        await _checked(request, candidate, password)
        with idp.database.write() as session:
            result, token = sign_in.complete_step_up(
                session, candidate, UUID(actor.session_id), code, now=idp.now(), by=idp.authenticators
            )
        if result in _REFUSALS:
            raise _REFUSALS[result]
    except SignInError as error:
        return show(request, "step_up.html", _step_up_values(request, actor), error=error, next_=next_)
    missing = result is FactorResult.NOT_NEEDED and is_staff(actor.roles)
    response = go("/account/totp", next_=next_) if missing else RedirectResponse(next_, status_code=303)
    cookies.write(request, response, cookies.SESSION, token)
    return response


def _begin(request: Request, login: str) -> Candidate:
    idp = idp_of(request)
    with idp.database.write() as session:
        person = lookup.person_by_eid(session, idp.directory.vault, login)
        return sign_in.begin_password(
            session,
            login,
            person.person_id if person else None,
            device_cookie=cookies.read(request, cookies.DEVICE),
            address=address_of(request),
            now=idp.now(),
            keyed=idp.keyed,
        )


async def _checked(request: Request, candidate: Candidate, password: str) -> tuple[UUID, str | None]:
    """Return who it is, and a new hash where the old one is outdated.

    Raises:
        WrongCredentialsError: The password is wrong, or there is no such account.
    """
    idp = idp_of(request)
    passwords, known = idp.passwords, candidate.password_hash
    fits = await hashed(passwords.fits, known, password)
    if not fits or candidate.person_id is None or known is None:
        with idp.database.write() as session:
            sign_in.note_refusal(session, candidate, idp.now())
        raise WrongCredentialsError("number and password do not fit")
    better = await hashed(passwords.hash, password) if passwords.is_outdated(known) else None
    return candidate.person_id, better


def _step_up_values(request: Request, actor: Actor) -> dict[str, bool]:
    idp = idp_of(request)
    with idp.database.read() as session:
        has_factor = store.confirmed_totp(session, actor.person_id) is not None
    return {"has_factor": has_factor, "must_set_up": not has_factor and is_staff(actor.roles)}
