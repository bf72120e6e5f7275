"""First sign-in: number and activation code, then a password, then the authenticator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from idp import store
from idp.authn import activation, sign_in, throttle
from idp.authn.password_rules import MINIMUM, STAFF_MINIMUM, check_new_password
from idp.directory import lookup
from idp.directory.activation import redeem
from idp.directory.activation_code import parse_activation_code
from idp.directory.eid import parse_eid
from idp.directory.errors import ActivationRefusedError, InputError
from idp.errors import PasswordRefusedError, SignInError
from idp.levels import PASSWORD
from idp.models import Pending
from idp.people import is_staff
from idp.routes import cookies
from idp.routes.forms import go, show, wished
from idp.routes.hashing import hashed
from idp.routes.services import idp_of
from idp.routes.signed_in import address_of, go_on_signed_in, open_browser_session
from kernel.access import allow
from kernel.csrf import CSRF

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=1_000)]
Next = Annotated[str, Form(alias="next")]


@router.get("/activate", dependencies=[allow("anyone")])
async def activation_page(request: Request) -> Response:
    """Ask for the person number and the activation code from the school."""
    return show(request, "activate.html", {"eid": "", "code": ""}, next_=wished(request))


@router.post("/activate", dependencies=[allow("anyone"), CSRF])
async def take_activation_code(request: Request, eid: Text = "", code: Text = "", next_field: Next = "") -> Response:
    """Check number and code; on to the password. The code is used up when the account is made."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    try:
        number = parse_eid(eid)
        parse_activation_code(code)  # A mistyped code costs no try.
        counters = throttle.counters(
            idp.keyed, kind="activation", login=number, device=None, address=address_of(request)
        )
        with idp.database.write() as session:
            throttle.reserve(session, counters, idp.now())
        person_id = redeem(idp.database, number, code, by=idp.directory)
    except (SignInError, InputError, ActivationRefusedError) as error:
        return show(request, "activate.html", {"eid": eid, "code": code}, error=error, next_=next_)
    with idp.database.write() as session:
        throttle.take_back(session, counters, idp.now())
        token = sign_in.begin_pending(session, person_id, activation.ACTIVATION, now=idp.now(), keyed=idp.keyed)
    response = go("/activate/password", next_=next_)
    cookies.write(request, response, cookies.PENDING, token)
    return response


@router.get("/activate/password", dependencies=[allow("anyone")])
async def password_page(request: Request) -> Response:
    """Ask for a new password, once the activation code was good."""
    next_ = wished(request)
    pending = _pending(request)
    if pending is None:
        return go("/activate", next_=next_)
    return show(request, "activate_password.html", _values(request, pending), next_=next_)


@router.post("/activate/password", dependencies=[allow("anyone"), CSRF])
async def take_new_password(
    request: Request, password: Text = "", password2: Text = "", next_field: Next = ""
) -> Response:
    """Make the account, sign in, and go on to the authenticator."""
    next_ = wished(request, next_field)
    idp = idp_of(request)
    pending = _pending(request)
    if pending is None:
        return go("/activate", next_=next_)
    values = _values(request, pending)
    try:
        check_new_password(password, password2, eid=str(values["eid"]), staff=bool(values["staff"]))
        password_hash = await hashed(idp.passwords.hash, password)
        with idp.database.write() as session:
            vault, now = idp.authenticators.vault, idp.now()
            activation.make_account(session, pending, password_hash, vault=vault, now=now)
            store.delete_pending(session, pending.token_hash)
            token = open_browser_session(session, request, pending.person_id, [PASSWORD])
    except (PasswordRefusedError, ActivationRefusedError) as error:
        return show(request, "activate_password.html", values, error=error, next_=next_)
    response = go("/account/totp", next_=next_)
    return go_on_signed_in(request, pending.person_id, token, response.headers["location"])


def _pending(request: Request) -> Pending | None:
    idp = idp_of(request)
    token_hash = idp.keyed.of("pending", cookies.read(request, cookies.PENDING) or "")
    with idp.database.read() as session:
        return store.pending(session, token_hash, activation.ACTIVATION, idp.now())


def _values(request: Request, pending: Pending) -> dict[str, str | int | bool]:
    idp = idp_of(request)
    with idp.database.read() as session:
        person = lookup.person_by_id(session, idp.directory.vault, pending.person_id)
        staff = is_staff(lookup.roles_of(session, pending.person_id, idp.today()))
    return {
        "eid": person.eid if person else "",
        "name": person.name if person else "",
        "staff": staff,
        "minimum": STAFF_MINIMUM if staff else MINIMUM,
    }
