"""ID tokens (OIDC Core §2): who signed in, when and how.

What a scope releases is told by userinfo; here stands only what the `claims` parameter asked for here.

Signed with the algorithm that the platform registered; Authlib's own encoder knows no SM2,
so `encode_id_token` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from authlib.oidc.core import OpenIDCode

from crypto.jose import half_hash, sign_jwt
from idp.oauth.claims import released
from idp.oauth.keys import SigningKeys
from idp.oauth.tokens.families import Issuing
from kernel.pages import ZONE

LIFE: Final = timedelta(hours=1)
TYP: Final = "JWT"


class IdTokens(OpenIDCode):
    """Adds an ID token to the answers of the token endpoint."""

    def __init__(self, by: Issuing) -> None:
        """Sign as the issuer of `by`."""
        super().__init__(require_nonce=False)
        self._by = by

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002 - Authlib's signature
        """Leave replayed nonces to the client: it made them, and codes are used once."""
        return False

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        """Return the ID token that goes with `token`. After a refresh it has no nonce (OIDC Core §12.2)."""
        by = self._by
        grant = request.authorization_code or request.refresh_token
        alg = request.client.metadata.id_token_signed_response_alg
        nonce = grant.nonce if request.authorization_code else None
        return sign_id_token(
            by.issuer,
            by.keys,
            alg,
            sub=grant.sub,
            audience=request.client.client_id,
            session_id=grant.session_id,
            auth_time=grant.auth_time,
            acr=grant.acr,
            amr=grant.amr.split(),
            now=by.clock.now(),
            more={
                **personal_claims(grant.claims, grant.person_id, by=by),
                **half_hashes(alg, access=token["access_token"]),
                **({"nonce": nonce} if nonce else {}),
            },
        )


def half_hashes(alg: str, *, access: str | None = None, code: str | None = None) -> dict[str, str]:
    """Return `at_hash` and `c_hash` of what is given beside an ID token (OIDC Core §3.1.3.6, §3.3.2.11)."""
    hashed = (("at_hash", access), ("c_hash", code))
    return {name: half_hash(alg, text) for name, text in hashed if text is not None}


def personal_claims(claims: Mapping[str, Any] | None, person_id: UUID, *, by: Issuing) -> dict[str, Any]:
    """Return what a grant's `claims` ask for in the ID token (OIDC Core §5.5); mostly nothing, and then no query."""
    names = (claims or {}).get("id_token") or ()
    if not names:
        return {}
    with by.database.read() as session:
        subject = by.subject_of(session, person_id)
    return {} if subject is None else released((), subject, by.clock.now().astimezone(ZONE).date(), also=names)


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
