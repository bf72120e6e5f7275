"""An access token before it is text or row: for whom, whereto, how long, bound to what. Pure but for the signature.

Text is what the platform registered: random signs, which only introspection explains, or a
JWT (RFC 9068), which a resource server reads by itself. Either has a row, so that revocation
and introspection hold for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crypto.errors import CryptoError
from crypto.jose import sign_jwt, verify_jwt
from idp.keyed import Keyed
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.keys import ALGS, SigningKeys
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.binding import Binding, confirmation
from kernel.ids import new_id

TYP: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the person behind a token signed in."""

    acr: str
    amr: str
    auth_time: datetime

    def claims(self) -> dict[str, Any]:
        """Return RFC 9068 §2.2.1's claims."""
        return {"auth_time": int(self.auth_time.timestamp()), "acr": self.acr, "amr": self.amr.split()}


@dataclass(frozen=True, slots=True)
class Access:
    """An access token. `name` is its text, or its `jti` where it is a JWT."""

    name: str
    client_id: str
    sub: str
    scope: str
    resources: list[str] | None
    details: list[dict[str, Any]] | None
    jkt: str | None
    x5t: str | None
    issued_at: datetime
    expires_at: datetime
    signed_in: SignIn | None = None
    act: Mapping[str, Any] | None = None

    @classmethod
    def issued(  # noqa: PLR0913 - what a token says, all by name
        cls,
        name: str,
        *,
        client_id: str,
        sub: str,
        scope: str,
        resources: list[str] | None,
        details: list[dict[str, Any]] | None,
        binding: Binding,
        now: datetime,
        until: datetime | None = None,
        signed_in: SignIn | None = None,
        act: Mapping[str, Any] | None = None,
    ) -> Access:
        """Return a token of now, that ends after its usual life or at `until`."""
        end = now + tokens.ACCESS_LIFE
        return cls(
            name,
            client_id,
            sub,
            scope,
            resources,
            details,
            binding.jkt,
            binding.x5t,
            issued_at=now,
            expires_at=end if until is None else min(end, until),
            signed_in=signed_in,
            act=act,
        )

    def audience(self, issuer: str) -> str | list[str]:
        """Return `aud`: the resources, or ourselves where none was named (RFC 9068 §3)."""
        if not self.resources:
            return issuer
        return self.resources[0] if len(self.resources) == 1 else self.resources

    def text(self, client: RegisteredClient, *, issuer: str, keys: SigningKeys) -> str:
        """Return what the platform gets."""
        if not tokens.is_jti(self.name):
            return self.name
        key = keys.active(client.metadata.xinji_access_token_signed_response_alg)
        return sign_jwt(self.claims(issuer), key, typ=TYP)

    def claims(self, issuer: str) -> dict[str, Any]:
        """Return what the JWT says (RFC 9068 §2.2): no personal data (§6)."""
        return {
            "iss": issuer,
            "sub": self.sub,
            "aud": self.audience(issuer),
            "client_id": self.client_id,
            "iat": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "jti": self.name,
            **({"scope": self.scope} if self.scope else {}),
            **(self.signed_in.claims() if self.signed_in else {}),
            **({"act": dict(self.act)} if self.act else {}),
            **confirmation(self.jkt, self.x5t),
            **({"authorization_details": self.details} if self.details else {}),
        }

    def answer(self, text: str, refresh: str | None = None, *, now: datetime | None = None) -> dict[str, Any]:
        """Return the token endpoint's answer; `now` where the token was issued before."""
        body = tokens.answer(
            text,
            refresh,
            token_type="DPoP" if self.jkt else "Bearer",
            scope=self.scope,
            lifetime=self.expires_at - (now or self.issued_at),
        )
        return {**body, "authorization_details": self.details} if self.details else body

    def row(
        self, keyed: Keyed, *, grant_id: UUID, refresh: str | None = None, refresh_end: datetime | None = None
    ) -> dict[str, Any]:
        """Return the columns of its row; the same ones always, so that the statement is built once."""
        exchanged = self.act is not None
        return {
            "id": new_id(),
            "grant_id": grant_id,
            "access_hash": tokens.name_hash(keyed, self.name),
            "refresh_hash": tokens.refresh_hash(keyed, refresh) if refresh else None,
            "scope": self.scope,
            "resources": self.resources,
            "details": self.details,
            "jkt": self.jkt,
            "x5t": self.x5t,
            "exchanged_by": self.client_id if exchanged else None,
            "exchanged_sub": self.sub if exchanged else None,
            "act": self.act,
            "issued_at": self.issued_at,
            "access_expires_at": self.expires_at,
            "refresh_expires_at": refresh_end if refresh else None,
            "expires_at": max(self.expires_at, refresh_end) if refresh and refresh_end else self.expires_at,
        }


def refresh_end(now: datetime, granted_at: datetime, *, rotates: bool) -> datetime:
    """Return when a refresh token ends.

    One that changes at each use lives on by being used; one that stays the same has the whole
    time of its family (FAPI 2.0 §5.3.2.1), which the key it is bound to makes safe.
    """
    family_end = granted_at + tokens.FAMILY_LIFE
    return min(now + tokens.REFRESH_LIFE, family_end) if rotates else family_end


def read_jti(text: str, *, issuer: str, keys: SigningKeys) -> str | None:
    """Return the `jti` of an access token in JWT form that we signed, None for everything else.

    Its row says whether it still counts; an ID token or a logout token has another `typ`.
    """
    try:
        claims = verify_jwt(text, keys.public(), typ=TYP, algs=ALGS)
    except CryptoError:
        return None
    jti = claims.get("jti")
    return jti if claims.get("iss") == issuer and isinstance(jti, str) and tokens.is_jti(jti) else None
