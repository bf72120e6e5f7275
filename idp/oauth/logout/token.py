"""Logout tokens (OIDC Back-Channel Logout §2.4). Pure but for the key.

An ID token says that somebody signed in, this says that somebody signed out: a `typ` of its
own and a missing `nonce` keep them apart.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crypto.jose import sign_jwt
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.keys import SigningKeys
from kernel.ids import new_token

LIFE: Final = timedelta(minutes=2)
TYP: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


def sign_logout_token(
    client: RegisteredClient, *, sub: str, session_id: UUID, issuer: str, keys: SigningKeys, now: datetime
) -> str:
    """Sign a logout token with what the platform's ID tokens are signed with (§2.6)."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": client.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "jti": new_token(),
        "events": {EVENT: {}},
        "sub": sub,
        "sid": str(session_id),
    }
    return sign_jwt(claims, keys.active(client.metadata.id_token_signed_response_alg), typ=TYP)
