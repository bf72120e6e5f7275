"""RP-initiated logout (OIDC RP-Initiated Logout 1.0): which platform asks, and where it may send the person after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crypto.errors import CryptoError
from crypto.jose import verify_jwt
from idp.errors import InvalidLogoutRequestError
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.keys import ALGS, SigningKeys
from idp.oauth.tokens.id_token import TYP
from idp.oauth.uris import with_query

PARAMETERS: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales")
MAX_VALUE: Final = 8_000


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A request that can be trusted: the platform, if one is named, and where to go after, if anywhere."""

    client: RegisteredClient | None
    redirect_uri: str | None
    session_id: str | None = None
    """The `sid` of the ID token that was shown, if one was."""

    def comes_from(self, session_id: str) -> bool:
        """Whether the platform proved that it means this very session: then the person need not be asked (§2)."""
        return self.session_id == session_id


def read_logout_request(
    values: Mapping[str, str], *, issuer: str, clients: ClientCache, keys: SigningKeys
) -> LogoutRequest:
    """Check a logout request (§2, §3).

    A registered post_logout_redirect_uri with a client_id is enough to go there: it is the
    platform's own address. An ID token that is given must be ours, expired or not, and the
    client_id its audience. `logout_hint` tells us nothing that the session does not.

    Raises:
        InvalidLogoutRequestError: A part cannot be trusted: nobody is redirected (§4).
    """
    if any(len(values.get(name, "")) > MAX_VALUE for name in PARAMETERS):
        raise _invalid("too_long")
    client_id, session_id = values.get("client_id"), None
    if values.get("id_token_hint"):
        hint = read_hint(values["id_token_hint"], issuer=issuer, keys=keys)
        if client_id and client_id != hint["aud"]:
            raise _invalid("client_mismatch")
        client_id, session_id = hint["aud"], hint.get("sid")
    client = clients.get(client_id) if client_id else None
    if client_id and client is None:
        raise _invalid("unknown_client")
    uri = values.get("post_logout_redirect_uri")
    if not uri:
        return LogoutRequest(client, None, session_id)
    if client is None or uri not in client.metadata.post_logout_redirect_uris:
        raise _invalid("unknown_redirect_uri")
    state = values.get("state")
    return LogoutRequest(client, with_query(uri, [("state", state)]) if state else uri, session_id)


def read_hint(token: str, *, issuer: str, keys: SigningKeys) -> dict[str, Any]:
    """Return the claims of an ID token that we signed, whether expired or not.

    Raises:
        InvalidLogoutRequestError: It is not ours.
    """
    try:
        claims = verify_jwt(token, keys.public(), typ=TYP, algs=ALGS)
    except CryptoError as error:
        raise _invalid("id_token_hint") from error
    # Signed userinfo has the same `typ`, but no session.
    if claims.get("iss") != issuer or not isinstance(claims.get("aud"), str) or not isinstance(claims.get("sid"), str):
        raise _invalid("id_token_hint")
    return claims


def _invalid(reason: str) -> InvalidLogoutRequestError:
    return InvalidLogoutRequestError(f"the sign-out request cannot be trusted: {reason}", reason=reason)
