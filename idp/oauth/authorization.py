"""What stands between a good authorization request and its answer, and the answer itself.

Sign-in, choice of account, consent: each is asked for only where the request and the person
need it; with `prompt=none` it is refused instead (OIDC Core §3.1.2.3, §3.1.2.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.levels import acr_of
from idp.models import Grant
from idp.oauth import tokens
from idp.oauth.authorization_request import AuthorizationRequest
from idp.oauth.errors import AuthorizationError
from idp.oauth.pairwise import sub_of
from idp.oauth.scopes import OFFLINE
from idp.oauth.ticket import Ticket
from kernel.ids import new_token


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


def issue_code(
    session: Session,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    *,
    keyed: Keyed,
    pairwise_key: bytes,
    now: datetime,
) -> str:
    """Keep the grant and return its authorization code, good for 60 seconds and one use."""
    code = new_token()
    session.add(
        Grant(
            code_hash=tokens.code_hash(keyed, code),
            client_id=request.client.client_id,
            person_id=signed_in.person_id,
            session_id=signed_in.session_id,
            sub=sub_of(session, request.client.sector, signed_in.person_id, key=pairwise_key, now=now),
            redirect_uri=request.redirect_uri,
            scope=request.scope,
            offline=OFFLINE in request.scopes,
            nonce=request.values.get("nonce"),
            code_challenge=request.values.get("code_challenge"),
            acr=acr_of(signed_in.amr),
            amr=" ".join(signed_in.amr),
            auth_time=signed_in.auth_time,
            created_at=now,
            code_expires_at=now + tokens.CODE_LIFE,
            expires_at=now + tokens.ACCESS_LIFE,
        )
    )
    return code


def answer_uri(request: AuthorizationRequest, issuer: str, params: Sequence[tuple[str, str]]) -> str:
    """Return the redirect_uri with the answer, `state` and `iss` (RFC 9207 §2) in its query."""
    state = [("state", request.state)] if request.state is not None else []
    return with_query(request.redirect_uri, [*params, *state, ("iss", issuer)])


def error_params(error: AuthorizationError) -> list[tuple[str, str]]:
    """Return the parameters of a refusal (RFC 6749 §4.1.2.1)."""
    return [("error", error.error), ("error_description", error.description)]


def with_query(uri: str, params: Sequence[tuple[str, str]]) -> str:
    """Return `uri` with `params` after what its query holds already, which stays as it is."""
    parts = urlsplit(uri)
    added = urlencode(params, quote_via=quote)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def form_target(uri: str) -> str:
    """Return what `form-action` must name so that a form may end in a redirect to `uri`.

    The grammar of host sources has no IPv6 literals, and browsers drop such a source: there
    only the scheme can be named.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and "[" not in parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
