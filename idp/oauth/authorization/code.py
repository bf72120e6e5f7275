"""The authorization code: what a person granted, kept under the code's keyed hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.levels import acr_of
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.steps import SignedIn
from idp.oauth.models import Grant
from idp.oauth.pairwise import sub_of
from idp.oauth.scopes import OFFLINE
from idp.oauth.tokens import values as tokens
from kernel.ids import new_token


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
