"""Signed answers of the authorization endpoint (JWT Secured Authorization Response Mode, JARM). Pure but for the key.

Their `typ` is their own, so that no answer can be shown as an ID token.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from crypto.jose import sign_jwt
from crypto.keys import PS256, RS256
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.keys import SigningKeys

LIFE: Final = timedelta(minutes=10)
"""JARM §2.1 recommends ten minutes at most."""
TYP: Final = "oauth-authz-resp+jwt"


def sign_answer(
    params: Iterable[tuple[str, str]], *, client: RegisteredClient, issuer: str, keys: SigningKeys, now: datetime
) -> str:
    """Return the `response` parameter: `iss`, `aud`, `exp` and the answer's own parameters (JARM §2.1)."""
    own = {name: value for name, value in params if name != "iss"}
    claims = {**own, "iss": issuer, "aud": client.client_id, "exp": int((now + LIFE).timestamp())}
    return sign_jwt(claims, keys.active(answer_alg(client)), typ=TYP)


def answer_alg(client: RegisteredClient) -> str:
    """Return what the platform's answers are signed with: as registered, else RS256 (JARM §3).

    FAPI 2.0 §5.4.1 forbids RS256: there PS256, which the same keys verify.
    """
    return client.metadata.authorization_signed_response_alg or (PS256 if client.metadata.fapi else RS256)
