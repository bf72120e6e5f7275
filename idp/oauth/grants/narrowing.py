"""Asking for less at the token endpoint than was granted: scopes, resources (RFC 8707 §2.2), details (RFC 9396 §6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidScopeError

from idp.oauth.authorization.details import DetailRules, details_cover, parse_details
from idp.oauth.errors import AuthorizationError
from idp.oauth.scopes import scope_text
from idp.oauth.tokens.refusals import InvalidAuthorizationDetailsError, InvalidTargetError

Details = Sequence[dict[str, Any]]


def narrowed_scope(asked: str | None, granted: str) -> str:
    """Return the scopes asked for; all that were granted where none is named.

    Raises:
        InvalidScopeError: One of them was not granted (RFC 6749 §6).
    """
    if not asked:
        return granted
    if set(asked.split()) - set(granted.split()):
        raise InvalidScopeError("a scope was not granted")
    return scope_text(asked.split())


def narrowed_resources(asked: str | None, granted: Collection[str] | None, *, issuer: str) -> list[str] | None:
    """Return the resources asked for, several of them with spaces between; all granted ones where none is named.

    The provider itself may always be named: it is what tokens are for where no resource is.

    Raises:
        InvalidTargetError: One of them was not granted.
    """
    if not asked:
        return list(granted) if granted else None
    wanted = list(dict.fromkeys(asked.split(" ")))
    if set(wanted) - set(granted or ()) - {issuer}:
        raise InvalidTargetError("a resource was not granted")
    return wanted


def narrowed_details(asked: str | None, granted: Details | None, *, today: date) -> list[dict[str, Any]] | None:
    """Return the authorization details asked for; all granted ones where the parameter is missing.

    Raises:
        InvalidAuthorizationDetailsError: They cannot be read, or one goes beyond what was granted.
    """
    if asked is None:
        return list(granted) if granted else None
    given = granted or ()
    rules = DetailRules(
        types={detail["type"] for detail in given},
        claims={field for detail in given for field in detail.get("fields", ())},
        today=today,
    )
    try:
        wanted = parse_details(asked, rules)
    except AuthorizationError as error:
        raise InvalidAuthorizationDetailsError(error.description) from error
    if not details_cover(given, wanted):
        raise InvalidAuthorizationDetailsError("authorization_details go beyond what was granted")
    return wanted
