"""The authorization request (OIDC Core §3.1.2.1) before its checks. Pure.

The first look decides whether a redirect is safe at all: where client or redirect_uri is
wrong, the person gets a page and nobody is redirected (RFC 9700 §4.11). From then on a
refusal goes back to the platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from idp.errors import UnknownClientError, UnknownRedirectUriError
from idp.oauth.authorization.acr import AcrWish
from idp.oauth.authorization.claims_parameter import ClaimsWish
from idp.oauth.authorization.response_modes import CODE, canonical_type
from idp.oauth.clients.redirects import is_registered
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.errors import AuthorizationError
from idp.oauth.scopes import claims_of, scope_text

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Origin:
    """How the parameters came: sent before by the platform itself (RFC 9126), in a signed object (RFC 9101)."""

    pushed: bool = False
    signed: bool = False
    kept: bytes | None = None
    """The keyed hash of the row that holds them, to be used up with the answer."""


IN_THE_ADDRESS: Final = Origin()


@dataclass(slots=True)
class AuthorizationRequest:
    """A request, filled in as the checks go. `pairs` are what counts, wherever it stood."""

    pairs: Pairs
    now: datetime
    origin: Origin = IN_THE_ADDRESS
    values: dict[str, str] = field(init=False)
    client: RegisteredClient = field(init=False)
    redirect_uri: str = field(init=False)
    failed: AuthorizationError | None = None
    """Why what the address points to cannot be believed; the first check says it."""
    scopes: tuple[str, ...] = ()
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    claims: ClaimsWish = field(default_factory=ClaimsWish)
    acr: AcrWish = field(default_factory=AcrWish)
    resources: tuple[str, ...] = ()
    details: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the first value of each parameter; an empty one counts as omitted (RFC 6749 §3.1)."""
        self.values = {}
        for name, value in self.pairs:
            if value:
                self.values.setdefault(name, value)

    @property
    def response_type(self) -> str:
        """What the answer shall hold, in the order of the registry; `code` where nothing was said."""
        return canonical_type(self.values.get("response_type", CODE))

    @property
    def state(self) -> str | None:
        """What the platform wants back."""
        return self.values.get("state")

    @property
    def scope(self) -> str:
        """The scopes as one text."""
        return scope_text(self.scopes)

    @property
    def released(self) -> tuple[str, ...]:
        """The names of all claims that an answer will release: by scope, and singly by the `claims` parameter."""
        return tuple(dict.fromkeys((*claims_of(self.scopes), *self.claims.released)))


def read_request(
    pairs: Pairs, client: RegisteredClient | None, *, now: datetime, origin: Origin = IN_THE_ADDRESS
) -> AuthorizationRequest:
    """Return a request whose client and redirect_uri can be trusted.

    Raises:
        UnknownClientError: There is no such platform.
        UnknownRedirectUriError: The redirect_uri is not one of its own.
    """
    request = AuthorizationRequest(pairs, now, origin)
    names = [name for name, _ in pairs]
    if client is None or names.count("client_id") != 1:
        raise UnknownClientError("no registered platform has this client_id")
    uri = request.values.get("redirect_uri")
    if uri is None or not is_registered(client.metadata, uri) or names.count("redirect_uri") != 1:
        raise UnknownRedirectUriError("the redirect_uri is not registered", platform=client.name)
    request.client, request.redirect_uri = client, uri
    return request
