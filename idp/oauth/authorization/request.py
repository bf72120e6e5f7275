"""The authorization request (OIDC Core §3.1.2.1) before its checks. Pure.

The first look decides whether a redirect is safe at all: where client or redirect_uri is
wrong, the person gets a page and nobody is redirected (RFC 9700 §4.11). From then on a
refusal goes back to the platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from idp.errors import UnknownClientError, UnknownRedirectUriError
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.scopes import scope_text

Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class AuthorizationRequest:
    """A request, filled in as the checks go."""

    pairs: Pairs
    values: dict[str, str] = field(init=False)
    client: RegisteredClient = field(init=False)
    redirect_uri: str = field(init=False)
    scopes: tuple[str, ...] = ()
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None

    def __post_init__(self) -> None:
        """Take the first value of each parameter; an empty one counts as omitted (RFC 6749 §3.1)."""
        self.values = {}
        for name, value in self.pairs:
            if value:
                self.values.setdefault(name, value)

    @property
    def state(self) -> str | None:
        """What the platform wants back."""
        return self.values.get("state")

    @property
    def scope(self) -> str:
        """The scopes as one text."""
        return scope_text(self.scopes)


def read_request(pairs: Pairs, client: RegisteredClient | None) -> AuthorizationRequest:
    """Return a request whose client and redirect_uri can be trusted.

    Raises:
        UnknownClientError: There is no such platform.
        UnknownRedirectUriError: The redirect_uri is not one of its own, sign for sign.
    """
    request = AuthorizationRequest(pairs)
    names = [name for name, _ in pairs]
    if client is None or names.count("client_id") != 1:
        raise UnknownClientError("no registered platform has this client_id")
    uri = request.values.get("redirect_uri")
    if uri is None or uri not in client.metadata.redirect_uris or names.count("redirect_uri") != 1:
        raise UnknownRedirectUriError("the redirect_uri is not registered", platform=client.name)
    request.client, request.redirect_uri = client, uri
    return request
