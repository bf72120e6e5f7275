"""The authorization endpoint and its pages: choice of account, consent. What to check is `idp.oauth`'s business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from idp import store
from idp.consent import asking
from idp.consent.giving import refuse_consent
from idp.errors import InvalidLogoutRequestError
from idp.oauth.authorization.acr import lacks_factor
from idp.oauth.authorization.checks import check_request
from idp.oauth.authorization.issuing import keep_answer, prepare_answer
from idp.oauth.authorization.kept import use_up
from idp.oauth.authorization.opening import carried, check_size, open_request
from idp.oauth.authorization.request import AuthorizationRequest, Pairs
from idp.oauth.authorization.steps import Step, next_step
from idp.oauth.authorization.ticket import PARAMETER, new_ticket, read_ticket, request_pairs
from idp.oauth.authorization.wishes import hinted_language
from idp.oauth.errors import AuthorizationError
from idp.oauth.fetching import off_loop
from idp.oauth.logout.request import read_hint
from idp.oauth.pairwise import sub_known
from idp.oauth.uris import form_target
from idp.routes import consents
from idp.routes.answers import refuse, send
from idp.routes.forms import go
from idp.routes.platform_gate import check_platform_use
from idp.routes.services import idp_of
from idp.routes.signed_in import signed_in_as
from idp.sessions import ABSOLUTE
from kernel.access import Actor, CurrentActor, actor_or_none, allow
from kernel.csrf import CSRF
from kernel.pages import pages_of, speak

router = APIRouter(include_in_schema=False)
AUTHORIZE = "/oauth/authorize"
SWITCH = "/signin?as=other"
Decision = Annotated[str, Form(max_length=16)]
Seen = Annotated[str, Form(max_length=64)]


@router.get(AUTHORIZE, dependencies=[allow("anyone")])
async def authorize(request: Request) -> Response:
    """Answer the platform, or show what stands between (OIDC Core §3.1.2)."""
    return await _answer(request, request.query_params.multi_items())


@router.post(AUTHORIZE, dependencies=[allow("anyone")])
async def authorize_by_form(request: Request) -> Response:
    """Take the same parameters from a form (OIDC Core §3.1.2.1): on to GET, where the browser sends its cookies."""
    form = await request.form()
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    check_size(pairs)
    return RedirectResponse(_address(pairs), status_code=303)


@router.post("/oauth/consent", dependencies=[allow("signed-in"), CSRF])
async def decide(request: Request, actor: CurrentActor, decision: Decision = "", seen: Seen = "") -> Response:
    """Take the person's decision on a consent page; the request stands in the address, checked again.

    `seen` says what was on the page: a wish that has changed since is shown first.
    """
    idp = idp_of(request)
    now = idp.now()
    pairs = request.query_params.multi_items()
    if decision == "allow":
        return await _answer(request, pairs, decided=True, seen=seen)
    asked = await _read(request, pairs)
    if decision == "ask":
        return _ask_guardians(request, asked, pairs, actor)
    with idp.database.write() as session:
        refuse_consent(session, actor.person_id, asked.client.client_id, now)
    return _refuse(request, asked, AuthorizationError("access_denied", "the person refused"))


@router.post("/oauth/account", dependencies=[allow("signed-in"), CSRF])
async def choose_account(request: Request, actor: CurrentActor, decision: Decision = "") -> Response:
    """Go on as who is signed in, or sign in as somebody else."""
    idp = idp_of(request)
    asked = await _read(request, request.query_params.multi_items())
    pairs = request_pairs(carried(asked, request.query_params.multi_items(), by=idp.issuing))
    signed_in = signed_in_as(actor)
    chosen = signed_in.session_id if signed_in and decision == "continue" else None
    address = _address([*pairs, (PARAMETER, new_ticket(idp.keyed, pairs, now=idp.now(), chosen_in=chosen))])
    return RedirectResponse(address, status_code=303) if chosen else go(SWITCH, next_=address)


async def _answer(
    request: Request, pairs: Sequence[tuple[str, str]], *, decided: bool = False, seen: str = ""
) -> Response:
    asked = await _read(request, pairs)
    try:
        check_request(asked)
        actor = actor_or_none(request)
        if actor is not None and decided:
            decided = consents.was_shown(request, actor.person_id, consents.wish_in(asked), seen)
        step = _step(request, asked, pairs, actor, decided=decided)
        if step is Step.SIGN_IN or actor is None:
            other = actor is not None and not _is_hinted(request, asked, actor)
            return _to_sign_in(request, _carried(request, asked, pairs), other=other)
        if step is Step.CHOOSE_ACCOUNT:
            return _account_page(request, asked, _carried(request, asked, pairs))
        check_platform_use(request, asked.client, actor.person_id, resources=asked.resources)
        if step is Step.STEP_UP:
            return go("/signin/step-up", next_=_address(_carried(request, asked, pairs)))
        if step is Step.CONSENT:
            return _consent_page(request, asked, _carried(request, asked, pairs), actor)
        return _to_platform(request, asked, actor, decided=decided)
    except AuthorizationError as error:
        return _refuse(request, asked, error)


async def _read(request: Request, pairs: Sequence[tuple[str, str]]) -> AuthorizationRequest:
    idp = idp_of(request)
    asked = await off_loop(lambda: open_request(pairs, clients=idp.clients, by=idp.issuing))
    speak(request, hinted_language(asked.values))
    return asked


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
    factor = False
    if actor is not None:
        known = consents.is_known(request, actor.person_id, consents.wish_in(asked))
        consented = decided or (known and "consent" not in asked.prompts)
        hinted = _is_hinted(request, asked, actor)
        factor = lacks_factor(asked.acr, actor.amr) and _has_factor(request, actor)
    ticket = read_ticket(idp.keyed, pairs, now=now)
    return next_step(
        asked, signed_in_as(actor), ticket=ticket, consented=consented, hinted=hinted, factor=factor, now=now
    )


def _is_hinted(request: Request, asked: AuthorizationRequest, actor: Actor) -> bool:
    """Whether nobody else than who is signed in is meant, by an ID token or by the claim `sub` (Core §5.5.1)."""
    hint = asked.values.get("id_token_hint")
    meant = [frozenset({_hinted_sub(request, hint)})] if hint is not None else []
    if asked.claims.subs is not None:
        meant.append(asked.claims.subs)
    if not meant:
        return True
    with idp_of(request).database.read() as session:
        return all(any(sub_known(session, asked.client.sector, sub, actor.person_id) for sub in subs) for subs in meant)


def _has_factor(request: Request, actor: Actor) -> bool:
    with idp_of(request).database.read() as session:
        return store.confirmed_totp(session, actor.person_id) is not None


def _hinted_sub(request: Request, hint: str) -> str:
    idp = idp_of(request)
    try:
        return str(read_hint(hint, issuer=idp.issuer, keys=idp.keys).get("sub", ""))
    except InvalidLogoutRequestError as error:
        raise AuthorizationError("invalid_request", "id_token_hint is not ours") from error


def _to_sign_in(request: Request, pairs: Sequence[tuple[str, str]], *, other: bool) -> Response:
    """Send the person to the sign-in form; `other` where who is signed in is not who is meant."""
    idp = idp_of(request)
    own = request_pairs(pairs)
    return go(
        SWITCH if other else "/signin", next_=_address([*own, (PARAMETER, new_ticket(idp.keyed, own, now=idp.now()))])
    )


def _account_page(request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]]) -> Response:
    values = {"client": asked.client, "action": f"/oauth/account?{urlencode(list(pairs))}"}
    target = form_target(asked.redirect_uri)
    return pages_of(request).render(request, "idp/choose_account.html", values, form_action=(target,))


def _consent_page(
    request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]], actor: Actor
) -> Response:
    values = {
        "client": asked.client,
        **consents.page_values(request, actor.person_id, consents.wish_in(asked)),
        "action": f"/oauth/consent?{urlencode(list(pairs))}",
    }
    target = form_target(asked.redirect_uri)
    return pages_of(request).render(request, "idp/consent.html", values, form_action=(target,))


def _ask_guardians(
    request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]], actor: Actor
) -> Response:
    """Put a child's wish to the guardians; the child may wait here or go back to the platform."""
    idp = idp_of(request)
    try:
        check_request(asked)
        wish = consents.wish_in(asked)
        asking.ask(idp.database, actor.person_id, wish, now=idp.now(), vault=idp.directory.vault)
        return _consent_page(request, asked, pairs, actor)
    except AuthorizationError as error:
        return _refuse(request, asked, error)


def _to_platform(request: Request, asked: AuthorizationRequest, actor: Actor, *, decided: bool) -> Response:
    idp = idp_of(request)
    signed_in = signed_in_as(actor)
    assert signed_in is not None  # noqa: S101 - there is an actor
    prepared = prepare_answer(asked, signed_in, by=idp.issuing)
    until = asked.now + ABSOLUTE  # The session itself may end before.
    if decided:
        with idp.database.write() as session:
            consents.give(request, session, actor.person_id, consents.wish_in(asked))
            keep_answer(session, asked, signed_in, prepared, until=until, by=idp.issuing)
    else:
        with idp.database.write_core() as connection:
            keep_answer(connection, asked, signed_in, prepared, until=until, by=idp.issuing)
    return send(request, asked, prepared.params)


def _carried(request: Request, asked: AuthorizationRequest, pairs: Sequence[tuple[str, str]]) -> Pairs:
    return carried(asked, pairs, by=idp_of(request).issuing)


def _refuse(request: Request, asked: AuthorizationRequest, error: AuthorizationError) -> Response:
    if asked.origin.kept is not None:
        with idp_of(request).database.write_core() as connection:
            use_up(connection, asked)
    return refuse(request, asked, error)


def _address(pairs: Sequence[tuple[str, str]]) -> str:
    return f"{AUTHORIZE}?{urlencode(list(pairs))}"
