"""The checks of an authorization request (OIDC Core §3.1.2.2): one ordered table, named by parameters. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn
from urllib.parse import urlencode

from idp.oauth.authorization import wishes
from idp.oauth.authorization.request import IN_THE_ADDRESS, AuthorizationRequest
from idp.oauth.authorization.response_modes import (
    CODE,
    ID_TOKEN,
    TOKEN,
    by_front_channel,
    canonical_type,
    holds,
    is_signed,
    mode_allowed,
)
from idp.oauth.clients.metadata import REFRESH, RESPONSE_TYPES
from idp.oauth.errors import AuthorizationError
from idp.oauth.requests import REPEATABLE
from idp.oauth.scopes import OFFLINE, OPENID, parse_scope

MAX_VALUE: Final = 2_000
MAX_REQUEST: Final = 8_000
MAX_KEPT_REQUEST: Final = 32_000
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


def _believed(request: AuthorizationRequest) -> None:
    if request.failed is not None:
        raise request.failed


def _size(request: AuthorizationRequest) -> None:
    most = MAX_REQUEST if request.origin == IN_THE_ADDRESS else MAX_KEPT_REQUEST
    if len(urlencode(request.pairs)) > most:  # As it would stand in an address.
        _refuse("invalid_request", "the request is too long")
    if any(len(request.values.get(name, "")) > MAX_VALUE for name in ("state", "nonce")):
        _refuse("invalid_request", "state or nonce is too long")
    if any("\0" in name or "\0" in value for name, value in request.pairs):  # PostgreSQL keeps no such text.
        _refuse("invalid_request", "a parameter holds the sign NUL")


def _once(request: AuthorizationRequest) -> None:
    names = [name for name, _ in request.pairs if name not in REPEATABLE]
    if len(set(names)) != len(names):
        _refuse("invalid_request", "a parameter is repeated")


def _response_type(request: AuthorizationRequest) -> None:
    if "response_type" not in request.values:
        _refuse("invalid_request", "response_type is missing")
    wanted = request.response_type
    if wanted not in RESPONSE_TYPES:
        _refuse("unsupported_response_type", "this response type is not supported")
    metadata = request.client.metadata
    registered = {canonical_type(response_type) for response_type in metadata.response_types}
    # FAPI 2.0 §5.3.1.2: code only. Nor can a token be bound to a key on its way through the browser.
    unbound = holds(wanted, TOKEN) and metadata.sender_constrained
    if wanted not in registered or unbound or (metadata.fapi and by_front_channel(wanted)):
        _refuse("unauthorized_client", "the platform may not use this response type")


def _response_mode(request: AuthorizationRequest) -> None:
    mode = request.values.get("response_mode")
    if mode is not None and not mode_allowed(request.response_type, mode):
        _refuse("invalid_request", "this response mode is not supported with the response type")
    if mode is not None and request.client.metadata.signs_messages and not is_signed(mode):
        _refuse("invalid_request", "the platform's answers are signed: the response mode must be jwt")


def _nonce(request: AuthorizationRequest) -> None:
    if holds(request.response_type, ID_TOKEN) and "nonce" not in request.values:
        _refuse("invalid_request", "nonce is missing")  # OIDC Core §3.2.2.1, §3.3.2.1.


def _channel(request: AuthorizationRequest) -> None:
    metadata, origin = request.client.metadata, request.origin
    # FAPI 2.0 Security Profile §5.3.2.2: its clients push, whatever they registered.
    if (metadata.require_pushed_authorization_requests or metadata.fapi) and not origin.pushed:
        _refuse("invalid_request", "the client must use pushed authorization requests")
    if (metadata.require_signed_request_object or metadata.signs_messages) and not origin.signed:
        _refuse("invalid_request", "the client must sign its requests")


def _unsupported(request: AuthorizationRequest) -> None:
    if "registration" in request.values:
        _refuse("registration_not_supported", "the parameter registration is not supported")
    for name in ("request", "request_uri"):  # Opened before, if it was not in a place where none may be.
        if name in request.values:
            _refuse("invalid_request", f"the parameter {name} cannot stand here")


def _scope(request: AuthorizationRequest) -> None:
    allowed = set(request.client.metadata.scope.split())
    request.scopes = tuple(scope for scope in parse_scope(request.values.get("scope")) if scope in allowed)
    if OPENID not in request.scopes:
        _refuse("invalid_scope", "the scope must hold openid")
    # OIDC Core §11: ignored also where the answer holds no code, for no refresh token could follow.
    keeps = REFRESH in request.client.metadata.grant_types and holds(request.response_type, CODE)
    if OFFLINE in request.scopes and not keeps:
        request.scopes = tuple(scope for scope in request.scopes if scope != OFFLINE)


def _pkce(request: AuthorizationRequest) -> None:
    challenge, method = request.values.get("code_challenge"), request.values.get("code_challenge_method")
    if not holds(request.response_type, CODE):
        return  # There is no code to protect.
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
    if request.max_age == 0:  # Core §3.1.2.1 (errata 2): the same as prompt=login.
        request.prompts |= {"login"}


CHECKS: Final[tuple[Check, ...]] = (
    _believed,
    _size,
    _once,
    _channel,
    _unsupported,
    _response_type,
    _response_mode,
    _nonce,
    _scope,
    _pkce,
    _prompt,
    _max_age,
    wishes.claims,
    wishes.acr,
    wishes.resources,
    wishes.details,
    wishes.thumbprint,
)


def _refuse(error: str, description: str) -> NoReturn:
    raise AuthorizationError(error, description)
