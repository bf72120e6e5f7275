"""The userinfo endpoint (OIDC Core §5.3): the claims that a token releases, plain or signed. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from crypto.jose import sign_jwt
from idp.oauth.authorization.claims_parameter import USERINFO, wanted
from idp.oauth.authorization.details import DATA_SHARING
from idp.oauth.claims import released
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.endpoints.resource import admitted
from idp.oauth.errors import InsufficientScopeError
from idp.oauth.requests import Call
from idp.oauth.scopes import OPENID
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.presented import PresentedToken
from kernel.pages import ZONE

TYP: Final = "JWT"


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: claims, or a JWT of them (`application/jwt`); and a DPoP nonce to use from now on."""

    claims: dict[str, Any]
    jwt: str | None
    nonce: str | None


def userinfo(call: Call, *, clients: ClientCache, by: Issuing) -> Told:
    """Return `sub` and what the call's token releases.

    Raises:
        MissingTokenError: There is no token.
        TwoTokensError: There is more than one.
        InvalidTokenError: It is unknown, over, revoked, for another resource, or not presented by who it is bound to.
        InsufficientScopeError: It was not given for OpenID Connect.
        InvalidDpopProofError: It is bound to a key, and the proof is missing or not good.
        UseDpopNonceError: The proof must hold a nonce of ours.
    """
    with by.database.read_core() as connection:
        let_in = admitted(call, connection, resource=by.issuer, clients=clients, by=by)
    token = let_in.token
    if OPENID not in token.scope.split():
        raise InsufficientScopeError("the token's scope lacks openid")
    today = by.clock.now().astimezone(ZONE).date()
    also = (*wanted(token.claims, USERINFO), *_shared(token, today))
    claims = {"sub": token.sub, **released(token.scope.split(), let_in.subject, today, also=also)}
    return Told(claims, _signed(claims, let_in.client, by=by), let_in.nonce)


def _shared(token: PresentedToken, today: date) -> list[str]:
    """Return the fields of the token's data sharing details, until their day (RFC 9396)."""
    return [
        field
        for detail in token.details or ()
        if detail["type"] == DATA_SHARING and today <= date.fromisoformat(detail["until"])
        for field in detail["fields"]
    ]


def _signed(claims: dict[str, Any], client: RegisteredClient, *, by: Issuing) -> str | None:
    alg = client.metadata.userinfo_signed_response_alg
    if alg is None:
        return None
    own = {"iss": by.issuer, "aud": client.client_id}  # OIDC Core §5.3.2
    return sign_jwt({**claims, **own}, by.keys.active(alg), typ=TYP)
