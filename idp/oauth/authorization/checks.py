"""The checks of an authorization request (OIDC Core §3.1.2.2): one ordered table, named by parameters. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn
from urllib.parse import urlencode

from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.clients.metadata import REFRESH
from idp.oauth.errors import AuthorizationError
from idp.oauth.scopes import OFFLINE, OPENID, parse_scope

MAX_VALUE: Final = 2_000
MAX_REQUEST: Final = 8_000
MAX_AGE_DIGITS: Final = 9
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # S256 is 32 bytes in base64url (RFC 7636 §4.2).

Check = Callable[[AuthorizationRequest], None]


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
    allowed = set(request.client.metadata.scope.split())
    request.scopes = tuple(scope for scope in parse_scope(request.values.get("scope")) if scope in allowed)
    if OPENID not in request.scopes:
        _refuse("invalid_scope", "the scope must hold openid")
    if OFFLINE in request.scopes and REFRESH not in request.client.metadata.grant_types:
        request.scopes = tuple(scope for scope in request.scopes if scope != OFFLINE)


def _pkce(request: AuthorizationRequest) -> None:
    challenge, method = request.values.get("code_challenge"), request.values.get("code_challenge_method")
    if challenge is None and (request.client.metadata.require_pkce or method is not None):
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
        request.max_age = request.client.metadata.default_max_age
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
