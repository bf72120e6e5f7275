"""What stands between a good authorization request and its answer. Pure.

Sign-in, choice of account, consent: each is asked for only where the request and the person
need it; with `prompt=none` it is refused instead (OIDC Core §3.1.2.3, §3.1.2.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from idp.oauth.authorization.acr import lacks_factor
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.ticket import Ticket
from idp.oauth.errors import AuthorizationError


class Step(Enum):
    """What comes next."""

    SIGN_IN = "sign_in"
    CHOOSE_ACCOUNT = "choose_account"
    STEP_UP = "step_up"
    CONSENT = "consent"
    ANSWER = "answer"


_REFUSALS: Final = {
    Step.SIGN_IN: ("login_required", "the person must sign in"),
    Step.CHOOSE_ACCOUNT: ("account_selection_required", "the person must choose an account"),
    Step.STEP_UP: ("login_required", "the person must show a second factor"),
    Step.CONSENT: ("consent_required", "the person must consent"),
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in in the browser that asks, since when and how."""

    person_id: UUID
    session_id: UUID
    auth_time: datetime
    amr: tuple[str, ...]


def next_step(
    request: AuthorizationRequest,
    signed_in: SignedIn | None,
    *,
    ticket: Ticket | None,
    consented: bool,
    hinted: bool,
    factor: bool,
    now: datetime,
) -> Step:
    """Return what the request needs next.

    `hinted` is False where an id_token_hint or the claim `sub` names somebody else; `factor`
    tells whether who is signed in has a second factor.

    Raises:
        AuthorizationError: It needs something and forbids asking, or asking did not help.
    """
    if signed_in is not None and not hinted and ticket is not None and signed_in.auth_time >= ticket.asked_at:
        raise AuthorizationError("login_required", "somebody else signed in")
    step = _needed(request, signed_in, ticket, consented=consented, hinted=hinted, factor=factor, now=now)
    if "none" in request.prompts and step is not Step.ANSWER:
        raise AuthorizationError(*_REFUSALS[step])
    return step


def _needed(
    request: AuthorizationRequest,
    signed_in: SignedIn | None,
    ticket: Ticket | None,
    *,
    consented: bool,
    hinted: bool,
    factor: bool,
    now: datetime,
) -> Step:
    if signed_in is None or not hinted:
        return Step.SIGN_IN
    fresh = ticket is not None and signed_in.auth_time >= ticket.asked_at
    too_old = request.max_age is not None and now - signed_in.auth_time > timedelta(seconds=request.max_age)
    if not fresh and ("login" in request.prompts or too_old):
        return Step.SIGN_IN
    chosen = ticket is not None and ticket.chosen_in == str(signed_in.session_id)
    if "select_account" in request.prompts and not fresh and not chosen:
        return Step.CHOOSE_ACCOUNT
    if lacks_factor(request.acr, signed_in.amr) and _must_step_up(request, factor=factor):
        return Step.STEP_UP
    if not consented:
        return Step.CONSENT
    return Step.ANSWER


def _must_step_up(request: AuthorizationRequest, *, factor: bool) -> bool:
    """Whether to ask for the second factor that the request wishes: insisting without one to show is refused.

    A wish that is not essential stops nobody: neither who has no factor nor a request without pages.
    """
    if request.acr.essential and not factor:
        raise AuthorizationError("unmet_authentication_requirements", "the person has no second factor")
    return factor and (request.acr.essential or "none" not in request.prompts)
