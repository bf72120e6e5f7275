"""The authorization endpoint and its pages: choice of account, consent. What to check is `idp.oauth`'s business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from idp import consent
from idp.errors import GuardianNeededError, InvalidLogoutRequestError
from idp.oauth.authorization.checks import check_request
from idp.oauth.authorization.code import issue_code
from idp.oauth.authorization.request import AuthorizationRequest, read_request
from idp.oauth.authorization.response import form_target
from idp.oauth.authorization.steps import Step, next_step
from idp.oauth.authorization.ticket import PARAMETER, new_ticket, read_ticket, request_pairs
from idp.oauth.claims import age_band, released
from idp.oauth.errors import AuthorizationError
from idp.oauth.logout.request import read_hint
from idp.oauth.pairwise import sub_known
from idp.oauth.scopes import OFFLINE, claims_of
from idp.routes.answers import refuse, send
from idp.routes.forms import go
from idp.routes.services import idp_of
from idp.routes.signed_in import signed_in_as
from kernel.access import Actor, CurrentActor, actor_or_none, allow
from kernel.csrf import CSRF
from kernel.errors import NotFoundError
from kernel.pages import pages_of

router = APIRouter(include_in_schema=False)
AUTHORIZE = "/oauth/authorize"
Decision = Annotated[str, Form(max_length=16)]


@router.get(AUTHORIZE, dependencies=[allow("anyone")])
async def authorize(request: Request) -> Response:
    """Answer the platform, or show what stands between (OIDC Core §3.1.2)."""
    return _answer(request, request.query_params.multi_items())


@router.post(AUTHORIZE, dependencies=[allow("anyone")])
async def authorize_by_form(request: Request) -> Response:
    """Take the same parameters from a form (OIDC Core §3.1.2.1): on to GET, where the browser sends its cookies."""
    form = await request.form()
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    return RedirectResponse(_address(pairs), status_code=303)


@router.post("/oauth/consent", dependencies=[allow("signed-in"), CSRF])
async def decide(request: Request, actor: CurrentActor, decision: Decision = "") -> Response:
    """Take the person's decision on a consent page; the request stands in the address, checked again."""
    idp = idp_of(request)
    now = idp.now()
    pairs = request.query_params.multi_items()
    if decision == "allow":
        return _answer(request, pairs, decided=True)
    asked = _read(request, pairs)
    with idp.database.write() as session:
        consent.refuse_consent(session, actor.person_id, asked.client.client_id, now)
    return refuse(request, asked, AuthorizationError("access_denied", "the person refused"))


@router.post("/oauth/account", dependencies=[allow("signed-in"), CSRF])
async def choose_account(request: Request, actor: CurrentActor, decision: Decision = "") -> Response:
    """Go on as who is signed in, or sign in as somebody else."""
    idp = idp_of(request)
    pairs = request_pairs(request.query_params.multi_items())
    _read(request, pairs)
    signed_in = signed_in_as(actor)
    chosen = signed_in.session_id if signed_in and decision == "continue" else None
    address = _address([*pairs, (PARAMETER, new_ticket(idp.keyed, pairs, now=idp.now(), chosen_in=chosen))])
    return RedirectResponse(address, status_code=303) if chosen else go("/signin", next_=address)


def _answer(request: Request, pairs: Sequence[tuple[str, str]], *, decided: bool = False) -> Response:
    asked = _read(request, pairs)
    try:
        check_request(asked)
        actor = actor_or_none(request)
        step = _step(request, asked, pairs, actor, decided=decided)
        if step is Step.SIGN_IN or actor is None:
            return _to_sign_in(request, pairs)
        if step is Step.CHOOSE_ACCOUNT:
            return _account_page(request, asked, pairs)
        if step is Step.CONSENT:
            return _consent_page(request, asked, pairs, actor)
        return _to_platform(request, asked, actor, decided=decided)
    except AuthorizationError as error:
        return refuse(request, asked, error)


def _read(request: Request, pairs: Sequence[tuple[str, str]]) -> AuthorizationRequest:
    own = request_pairs(pairs)
    client_id = dict(own).get("client_id", "")
    idp = idp_of(request)
    return read_request(own, idp.clients.get(client_id), now=idp.now())


def _step(
    request: Request,
    asked: AuthorizationRequest,
    pairs: Sequence[tuple[str, str]],
    actor: Actor | None,
    *,
    decided: bool,
) -> Step:
    idp = idp_of(request)
    now = idp.now()
    consented = hinted = True
    if actor is not None:
        with idp.database.read() as session:
            known = consent.covers(session, actor.person_id, asked.client.client_id, asked.scopes)
            consented = decided or (known and "consent" not in asked.prompts)
            hint = asked.values.get("id_token_hint")
            hinted = hint is None or sub_known(
                session, asked.client.sector, _hinted_sub(request, hint), actor.person_id
            )
    ticket = read_ticket(idp.keyed, pairs, now=now)
    return next_step(asked, signed_in_as(actor), ticket=ticket, consented=consented, hinted=hinted, now=now)


def _hinted_sub(request: Request, hint: str) -> str:
    idp = idp_of(request)
    try:
        return str(read_hint(hint, issuer=idp.issuer, keys=idp.keys).get("sub", ""))
    except InvalidLogoutRequestError as error:
        raise AuthorizationError("invalid_request", "id_token_hint is not ours") from error


def _to_sign_in(request: Request, pairs: Sequence[tuple[str, str]]) -> Response:
    idp = idp_of(request)
    own = request_pairs(pairs)
    return go("/signin", next_=_address([*own, (PARAMETER, new_ticket(idp.keyed, own, now=idp.now()))]))


def _account_page(request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]]) -> Response:
    values = {"client": asked.client, "action": f"/oauth/account?{urlencode(list(pairs))}"}
    target = form_target(asked.redirect_uri)
    return pages_of(request).render(request, "idp/choose_account.html", values, form_action=(target,))


def _consent_page(
    request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]], actor: Actor
) -> Response:
    idp = idp_of(request)
    with idp.database.read() as session:
        subject = idp.subject(session, actor.person_id)
    if subject is None:
        raise NotFoundError("the person is not known any more")
    values = {
        "client": asked.client,
        "claims": released(asked.scopes, subject, idp.today()),
        "places": {held.organisation: held for held in subject.affiliations},
        "offline": OFFLINE in asked.scopes,
        "child": age_band(subject.birthdate, idp.today()) == "u14",
        "action": f"/oauth/consent?{urlencode(list(pairs))}",
    }
    target = form_target(asked.redirect_uri)
    return pages_of(request).render(request, "idp/consent.html", values, form_action=(target,))


def _to_platform(request: Request, asked: AuthorizationRequest, actor: Actor, *, decided: bool) -> Response:
    idp = idp_of(request)
    now = idp.now()
    signed_in = signed_in_as(actor)
    assert signed_in is not None  # noqa: S101 - there is an actor
    with idp.database.write() as session:
        if decided:
            subject = idp.subject(session, actor.person_id)
            if subject is None or age_band(subject.birthdate, idp.today()) == "u14":
                raise GuardianNeededError("under 14, a guardian decides")
            fields = claims_of(asked.scopes)
            consent.give_consent(session, actor.person_id, asked.client.client_id, asked.scopes, fields=fields, now=now)
        code = issue_code(session, asked, signed_in, keyed=idp.keyed, pairwise_key=idp.pairwise_key, now=now)
    return send(request, asked, [("code", code)])


def _address(pairs: Sequence[tuple[str, str]]) -> str:
    return f"{AUTHORIZE}?{urlencode(list(pairs))}"
