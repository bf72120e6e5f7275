"""ID tokens (OIDC Core §2): who signed in, when and how. What a scope releases is told by userinfo.

Signed with the algorithm that the platform registered; Authlib's own encoder knows no SM2,
so `encode_id_token` is ours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from authlib.oidc.core import OpenIDCode

from crypto.jose import half_hash, sign_jwt
from idp.oauth.keys import SigningKeys
from kernel.clock import Clock

LIFE: Final = timedelta(hours=1)
TYP: Final = "JWT"


class IdTokens(OpenIDCode):
    """Adds an ID token to the answers of the token endpoint."""

    def __init__(self, issuer: str, keys: SigningKeys, clock: Clock) -> None:
        """Sign as `issuer`."""
        super().__init__(require_nonce=False)
        self._issuer = issuer
        self._keys = keys
        self._clock = clock

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002 - Authlib's signature
        """Leave replayed nonces to the client: it made them, and codes are used once."""
        return False

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        """Return the ID token that goes with `token`. After a refresh it has no nonce (OIDC Core §12.2)."""
        grant = request.authorization_code or request.refresh_token
        alg = request.client.metadata.id_token_signed_response_alg
        claims = {
            "at_hash": half_hash(alg, token["access_token"]),
            **({"nonce": grant.nonce} if request.authorization_code and grant.nonce else {}),
        }
        return sign_id_token(
            self._issuer,
            self._keys,
            alg,
            sub=grant.sub,
            audience=request.client.client_id,
            session_id=grant.session_id,
            auth_time=grant.auth_time,
            acr=grant.acr,
            amr=grant.amr.split(),
            now=self._clock.now(),
            more=claims,
        )


def sign_id_token(  # noqa: PLR0913 - the claims of an ID token, all by name
    issuer: str,
    keys: SigningKeys,
    alg: str,
    *,
    sub: str,
    audience: str,
    session_id: UUID,
    auth_time: datetime,
    acr: str,
    amr: list[str],
    now: datetime,
    more: dict[str, Any],
) -> str:
    """Sign an ID token. `sid` is the session's id, as logout wants it."""
    claims = {
        "iss": issuer,
        "sub": sub,
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "auth_time": int(auth_time.timestamp()),
        "acr": acr,
        "amr": amr,
        "sid": str(session_id),
        **more,
    }
    return sign_jwt(claims, keys.active(alg), typ=TYP)
