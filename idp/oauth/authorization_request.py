"""The authorization request (OIDC Core §3.1.2.1) through one ordered table of small checks. Pure.

The first checks decide whether a redirect is safe at all: where client or redirect_uri is
wrong, the person gets a page and nobody is redirected (RFC 9700 §4.11). From then on a
refusal goes back to the platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn
from urllib.parse import urlencode

from idp.errors import UnknownClientError, UnknownRedirectUriError
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import AuthorizationError
from idp.oauth.scopes import OFFLINE, OPENID, parse_scope, scope_text

MAX_VALUE: Final = 2_000
MAX_REQUEST: Final = 8_000
MAX_AGE_DIGITS: Final = 9
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # S256 is 32 bytes in base64url (RFC 7636 §4.2).

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


Check = Callable[[AuthorizationRequest], None]


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
    if uri is None or uri not in client.redirect_uris or names.count("redirect_uri") != 1:
        raise UnknownRedirectUriError("the redirect_uri is not registered", platform=client.name)
    request.client, request.redirect_uri = client, uri
    return request


def check_request(request: AuthorizationRequest) -> None:
    """Send the request through the table.

    Raises:
        AuthorizationError: What the first failing check says.
    """
    for check in CHECKS:
        check(request)


def _size(request: AuthorizationRequest) -> None:
    if len(urlencode(request.pairs)) > MAX_REQUEST:  # As it will stand in an address.
        _refuse("invalid_request", "the request is too long")
    if any(len(request.values.get(name, "")) > MAX_VALUE for name in ("state", "nonce")):
        _refuse("invalid_request", "state or nonce is too long")


def _once(request: AuthorizationRequest) -> None:
    names = [name for name, _ in request.pairs]
    if len(set(names)) != len(names):
        _refuse("invalid_request", "a parameter is repeated")


def _response_type(request: AuthorizationRequest) -> None:
    response_type = request.values.get("response_type")
    if response_type is None:
        _refuse("invalid_request", "response_type is missing")
    if response_type != "code":
        _refuse("unsupported_response_type", "only the response type code is supported")


def _response_mode(request: AuthorizationRequest) -> None:
    if request.values.get("response_mode", "query") != "query":
        _refuse("invalid_request", "only the response mode query is supported")


def _request_object(request: AuthorizationRequest) -> None:
    for name in ("request", "request_uri", "registration"):
        if name in request.values:
            _refuse(f"{name}_not_supported", f"the parameter {name} is not supported")


def _scope(request: AuthorizationRequest) -> None:
    allowed = set(request.client.scope.split())
    request.scopes = tuple(scope for scope in parse_scope(request.values.get("scope")) if scope in allowed)
    if OPENID not in request.scopes:
        _refuse("invalid_scope", "the scope must hold openid")
    if OFFLINE in request.scopes and "refresh_token" not in request.client.grant_types:
        request.scopes = tuple(scope for scope in request.scopes if scope != OFFLINE)


def _pkce(request: AuthorizationRequest) -> None:
    challenge, method = request.values.get("code_challenge"), request.values.get("code_challenge_method")
    if challenge is None and (request.client.require_pkce or method is not None):
        _refuse("invalid_request", "code_challenge is missing")
    # RFC 7636 §4.3: without a method it would be plain, which protects nothing from who reads the request.
    if challenge is not None and method != "S256":
        _refuse("invalid_request", "code_challenge_method must be S256")
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        _refuse("invalid_request", "code_challenge is not 43 signs of base64url")


def _prompt(request: AuthorizationRequest) -> None:
    request.prompts = frozenset(request.values.get("prompt", "").split())
    if request.prompts - PROMPTS:
        _refuse("invalid_request", "prompt is unknown")
    if "none" in request.prompts and len(request.prompts) > 1:
        _refuse("invalid_request", "prompt none stands alone")


def _max_age(request: AuthorizationRequest) -> None:
    text = request.values.get("max_age")
    if text is None:
        request.max_age = request.client.default_max_age
        return
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_AGE_DIGITS:
        _refuse("invalid_request", "max_age is not a number of seconds")
    request.max_age = int(text)


CHECKS: Final[tuple[Check, ...]] = (
    _size,
    _once,
    _response_type,
    _response_mode,
    _request_object,
    _scope,
    _pkce,
    _prompt,
    _max_age,
)


def _refuse(error: str, description: str) -> NoReturn:
    raise AuthorizationError(error, description)
