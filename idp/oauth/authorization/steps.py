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

from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.ticket import Ticket
from idp.oauth.errors import AuthorizationError


class Step(Enum):
    """What comes next."""

    SIGN_IN = "sign_in"
    CHOOSE_ACCOUNT = "choose_account"
    CONSENT = "consent"
    ANSWER = "answer"


_REFUSALS: Final = {
    Step.SIGN_IN: ("login_required", "the person must sign in"),
    Step.CHOOSE_ACCOUNT: ("account_selection_required", "the person must choose an account"),
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
    now: datetime,
) -> Step:
    """Return what the request needs next; `hinted` is False where an id_token_hint names somebody else.

    Raises:
        AuthorizationError: It needs something and forbids asking, or asking did not help.
    """
    if signed_in is not None and not hinted and ticket is not None and signed_in.auth_time >= ticket.asked_at:
        raise AuthorizationError("login_required", "somebody else signed in")
    step = _needed(request, signed_in, ticket, consented=consented, hinted=hinted, now=now)
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
    if not consented:
        return Step.CONSENT
    return Step.ANSWER
