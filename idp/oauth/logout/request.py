"""RP-initiated logout (OIDC RP-Initiated Logout 1.0): which platform asks, and where it may send the person after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crypto.errors import CryptoError
from crypto.jose import verify_jwt
from idp.errors import InvalidLogoutRequestError
from idp.oauth.authorization.response import with_query
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.keys import ALGS, SigningKeys
from idp.oauth.tokens.id_token import TYP

PARAMETERS: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales")
MAX_VALUE: Final = 8_000


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A request that can be trusted: the platform, if one is named, and where to go after, if anywhere."""

    client: RegisteredClient | None
    redirect_uri: str | None


def read_logout_request(
    values: Mapping[str, str], *, issuer: str, clients: ClientCache, keys: SigningKeys
) -> LogoutRequest:
    """Check a logout request (§2, §3).

    The person always confirms, so a registered post_logout_redirect_uri with a client_id is
    enough; an ID token that is given must still be ours.

    Raises:
        InvalidLogoutRequestError: A part cannot be trusted: nobody is redirected (§4).
    """
    if any(len(values.get(name, "")) > MAX_VALUE for name in PARAMETERS):
        raise _invalid("too_long")
    client_id = values.get("client_id")
    if values.get("id_token_hint"):
        audience = read_hint(values["id_token_hint"], issuer=issuer, keys=keys)["aud"]
        if client_id and client_id != audience:
            raise _invalid("client_mismatch")
        client_id = audience
    client = clients.get(client_id) if client_id else None
    if client_id and client is None:
        raise _invalid("unknown_client")
    uri = values.get("post_logout_redirect_uri")
    if not uri:
        return LogoutRequest(client, None)
    if client is None or uri not in client.metadata.post_logout_redirect_uris:
        raise _invalid("unknown_redirect_uri")
    state = values.get("state")
    return LogoutRequest(client, with_query(uri, [("state", state)]) if state else uri)


def read_hint(token: str, *, issuer: str, keys: SigningKeys) -> dict[str, Any]:
    """Return the claims of an ID token that we signed, whether expired or not.

    Raises:
        InvalidLogoutRequestError: It is not ours.
    """
    try:
        claims = verify_jwt(token, keys.public(), typ=TYP, algs=ALGS)
    except CryptoError as error:
        raise _invalid("id_token_hint") from error
    if claims.get("iss") != issuer or not isinstance(claims.get("aud"), str):
        raise _invalid("id_token_hint")
    return claims


def _invalid(reason: str) -> InvalidLogoutRequestError:
    return InvalidLogoutRequestError(f"the sign-out request cannot be trusted: {reason}", reason=reason)
