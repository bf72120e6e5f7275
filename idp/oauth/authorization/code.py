"""What a person granted, kept under the keyed hash of its authorization code."""

from __future__ import annotations

from uuid import UUID

from idp.keyed import Keyed
from idp.oauth.authorization.acr import acr_told
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.steps import SignedIn
from idp.oauth.scopes import OFFLINE
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from kernel.ids import new_token
from kernel.store import Executor


def keep_grant(
    on: Executor,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    *,
    grant_id: UUID,
    sub: str,
    code: str | None,
    keyed: Keyed,
) -> None:
    """Keep what was granted, under its code: good for 60 seconds and one use.

    Without a code (`response_type=id_token token`) it stands for the token alone: the hash is of
    random signs that nobody ever gets.
    """
    now = request.now
    rows.insert_grant(
        on,
        {
            "id": grant_id,
            "code_hash": tokens.code_hash(keyed, code or new_token()),
            "client_id": request.client.client_id,
            "person_id": signed_in.person_id,
            "session_id": signed_in.session_id,
            "sub": sub,
            "redirect_uri": request.redirect_uri,
            "scope": request.scope,
            "offline": OFFLINE in request.scopes,
            "nonce": request.values.get("nonce"),
            "code_challenge": request.values.get("code_challenge"),
            "dpop_jkt": request.values.get("dpop_jkt"),
            "claims": request.claims.stored,
            "resources": list(request.resources) or None,
            "details": request.details or None,
            "acr": acr_told(request.acr, signed_in.amr),
            "amr": " ".join(signed_in.amr),
            "auth_time": signed_in.auth_time,
            "created_at": now,
            "code_expires_at": now + tokens.CODE_LIFE if code else now,
            "expires_at": now + tokens.ACCESS_LIFE,
        },
    )
