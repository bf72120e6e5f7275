"""What a request asks for beside its scopes: single claims, a class of sign-in, resources, details, a language. Pure.

Each function reads its parameters into the request; `checks` has them in its table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from idp.oauth.authorization.acr import AcrWish
from idp.oauth.authorization.claims_parameter import parse_claims
from idp.oauth.authorization.details import DetailRules, parse_details
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.errors import AuthorizationError
from idp.oauth.scopes import claims_of, parse_scope
from kernel.pages import LANGUAGES, ZONE

MAX_RESOURCES: Final = 5
MAX_HINT: Final = 200
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def claims(request: AuthorizationRequest) -> None:
    """Read `claims`: nothing outside the scopes that the platform registered."""
    request.claims = parse_claims(request.values.get("claims"), allowed=_registered_claims(request))


def acr(request: AuthorizationRequest) -> None:
    """Read the wished class of sign-in: from `claims`, else `acr_values`, else as registered (Core §5.5.1.1)."""
    asked = tuple(request.values.get("acr_values", "").split())
    request.acr = request.claims.acr or AcrWish(asked or request.client.metadata.default_acr_values)
    if request.acr.hopeless:
        raise AuthorizationError("unmet_authentication_requirements", "no sign-in here reaches the essential acr")


def resources(request: AuthorizationRequest) -> None:
    """Read the resources that tokens are wanted for (RFC 8707 §2)."""
    asked = tuple(dict.fromkeys(value for name, value in request.pairs if name == "resource" and value))
    if len(asked) > MAX_RESOURCES:
        raise AuthorizationError("invalid_target", f"there are more than {MAX_RESOURCES} resources")
    for uri in asked:
        if not is_resource(uri) or uri not in request.client.metadata.xinji_resources:
            raise AuthorizationError("invalid_target", "a resource is not one that the client registered")
    request.resources = asked


def is_resource(uri: str) -> bool:
    """Whether this is an absolute URI without a fragment (RFC 8707 §2)."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in uri and uri.isascii()


def details(request: AuthorizationRequest) -> None:
    """Read `authorization_details` (RFC 9396 §2)."""
    rules = DetailRules(
        types=request.client.metadata.authorization_details_types,
        claims=_registered_claims(request),
        today=request.now.astimezone(ZONE).date(),
    )
    request.details = parse_details(request.values.get("authorization_details"), rules)


def thumbprint(request: AuthorizationRequest) -> None:
    """Check `dpop_jkt`, the key that the code will be bound to (RFC 9449 §10)."""
    if not _THUMBPRINT.fullmatch(request.values.get("dpop_jkt", "A" * 43)):
        raise AuthorizationError("invalid_request", "dpop_jkt is no SHA-256 thumbprint")


def hinted_login(values: Mapping[str, str]) -> str:
    """Return `login_hint` for the sign-in form, where it is not absurdly long. Nobody is looked up by it."""
    hint = values.get("login_hint", "")
    return hint if len(hint) <= MAX_HINT else ""


def hinted_language(values: Mapping[str, str]) -> str | None:
    """Return the first of `ui_locales` that pages here speak (Core §3.1.2.1); None: as they would anyway."""
    for tag in values.get("ui_locales", "")[:MAX_HINT].split():
        primary = tag.lower().partition("-")[0]
        if primary in LANGUAGES:
            return primary
    return None


def _registered_claims(request: AuthorizationRequest) -> tuple[str, ...]:
    return claims_of(parse_scope(request.client.metadata.scope))
