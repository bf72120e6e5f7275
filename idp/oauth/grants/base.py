"""What the grants share: they validate and prepare with reading connections only, then `settle` writes once.

The order at the token endpoint: `validate_token_request` (who asks, with what), `bind` (what
the token is bound to), `create_token_response` (the answer, signed), `settle` (the one write,
in which a DPoP proof is spent).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from authlib.oauth2.rfc6749.errors import UnauthorizedClientError
from sqlalchemy import Connection, Row

from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.stores.spent import spend
from idp.oauth.tokens.access import Access
from idp.oauth.tokens.binding import Binding, binding_of
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.nonces import current_nonce
from idp.oauth.tokens.refusals import ReplayedProofError
from kernel.store import Executor

CLIENT_AUTH = AUTH_METHODS
"""Authlib asks each grant how clients may prove who they are; the platform's registration decides."""


class OurServer(Protocol):
    """What a grant needs of the server that it is registered with."""

    issuer: str
    by: Issuing

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """Return a platform that is in use."""
        ...


class Settling:
    """A grant whose only write is `settle`, after everything was checked."""

    GRANT_TYPE: str
    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTH
    server: OurServer
    request: Any
    binding: Binding = Binding()
    access: Access
    token: dict[str, Any]

    @property
    def by(self) -> Issuing:
        """What issuing needs."""
        return self.server.by

    @property
    def platform(self) -> RegisteredClient:
        """Who asks, once it has proved that."""
        client: RegisteredClient = self.request.client
        return client

    @property
    def jwt(self) -> bool:
        """Whether the platform's access tokens are JWTs (RFC 9068)."""
        return self.platform.metadata.xinji_access_token_format == "jwt"  # noqa: S105 - the name of a format

    def authenticate(self) -> None:
        """Learn who asks, for grants that Authlib has not.

        Raises:
            InvalidClientError: The platform does not prove who it is.
            UnauthorizedClientError: It did not register this grant.
        """
        self.request.client = self.authenticate_token_endpoint_client()  # type: ignore[attr-defined]  # Authlib's
        if not self.platform.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("the client did not register this grant type")

    def bind(self) -> None:
        """Learn what the token will be bound to; grants add what a code or an old token demands.

        Raises:
            InvalidDpopProofError: A proof is needed and missing, or is not good.
            UseDpopNonceError: It must hold a nonce of ours.
            InvalidRequestError: A certificate is needed and missing.
        """
        self.binding = binding_of(self.request.call, self.platform, by=self.by)

    def said(self, access: Access, refresh: str | None = None) -> dict[str, Any]:
        """Keep `access` for `settle` and return the answer that gives it out."""
        self.access = access
        return access.answer(access.text(self.platform, issuer=self.by.issuer, keys=self.by.keys), refresh)

    def writing(self) -> AbstractContextManager[Connection]:
        """Open the write of a grant that keeps one row: one statement, unless a proof is spent with it."""
        database = self.by.database
        return database.write_one() if self.binding.proof is None else database.write_core()

    def spend(self, on: Executor) -> None:
        """Spend the proof in the write that issues.

        Raises:
            ReplayedProofError: It was used before.
        """
        proof = self.binding.proof
        if proof is not None and not spend(on, proof.use, proof.until):
            raise ReplayedProofError("the DPoP proof was used before")

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of a good answer: a new nonce before the old one ends (RFC 9449 §8.2)."""
        proof = self.binding.proof
        if proof is None:
            return []
        nonce = current_nonce(self.by.keyed, self.by.clock.now())
        return [] if proof.nonce == nonce else [("DPoP-Nonce", nonce)]

    def save_token(self, token: dict[str, Any]) -> None:
        """Keep the answer until `settle`."""
        self.token = token


def columns(row: Row[Any], target: type[Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the columns of `row` that the dataclass `target` has."""
    names = [name for name in target.__dataclass_fields__ if name not in without]
    return {name: getattr(row, name) for name in names}
