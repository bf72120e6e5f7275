"""The `claims` parameter (OIDC Core §5.5): single claims, by the place where they are wanted. Pure.

Claims that we do not know are passed over, and so are those outside the scopes that the
platform registered: the parameter asks for less than a scope, never for more than was
reviewed. A `value` is heeded for `sub` and `acr` only; no other claim is chosen by value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from idp.oauth.authorization.acr import AcrWish
from idp.oauth.authorization.bounded_json import BoundedJsonError, read_json
from idp.oauth.errors import AuthorizationError

USERINFO: Final = "userinfo"
ID_TOKEN: Final = "id_token"  # noqa: S105 - the name of a member
PLACES: Final = (USERINFO, ID_TOKEN)


@dataclass(frozen=True, slots=True)
class ClaimsWish:
    """What the parameter asks for, as far as it can be had."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The claims to release, by place."""
    subs: frozenset[str] | None = None
    """Who must be the one signed in, by the names the platform knows; None: anybody."""
    acr: AcrWish | None = None

    @property
    def stored(self) -> dict[str, list[str]] | None:
        """What the grant keeps; `wanted` reads it."""
        return {place: list(names) for place, names in self.names.items() if names} or None

    @property
    def released(self) -> tuple[str, ...]:
        """Every claim that it releases somewhere, for the consent."""
        return tuple(dict.fromkeys(name for place in PLACES for name in self.names.get(place, ())))


def wanted(stored: Mapping[str, Any] | None, place: str) -> tuple[str, ...]:
    """Return the names of the claims that a grant's `claims` ask for at `place`, `userinfo` or `id_token`."""
    return tuple((stored or {}).get(place, ()))


def parse_claims(text: str | None, *, allowed: Collection[str]) -> ClaimsWish:
    """Return what the parameter asks for; `allowed` are the claims of the scopes that the platform registered.

    Raises:
        AuthorizationError: It is not what §5.5 describes.
    """
    if text is None:
        return ClaimsWish()
    try:
        value = read_json(text)
    except BoundedJsonError as error:
        raise _refusal() from error
    if not isinstance(value, dict):
        raise _refusal()
    members = {place: _member(value.get(place)) for place in PLACES}
    return ClaimsWish(
        {place: tuple(name for name in member if name in allowed) for place, member in members.items()},
        _subs(members),
        _acr(members[ID_TOKEN].get("acr")),
    )


def _member(value: Any) -> dict[str, dict[str, Any]]:
    """Return one place's claims; `null` asks in the default manner (§5.5.1)."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refusal()
    return {name: _request(request) for name, request in value.items()}


def _request(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refusal()
    if not isinstance(value.get("essential", False), bool) or not isinstance(value.get("values", []), list):
        raise _refusal()
    return value


def _texts(request: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what a claim may be; None where the request leaves it open."""
    if "value" not in request and "values" not in request:
        return None
    values = [request["value"]] if "value" in request else request["values"]
    if not all(isinstance(value, str) for value in values):
        raise _refusal()
    return tuple(values)


def _subs(members: Mapping[str, Mapping[str, Any]]) -> frozenset[str] | None:
    wishes = [texts for member in members.values() if (texts := _texts(member.get("sub", {}))) is not None]
    if not wishes:
        return None
    return frozenset.intersection(*(frozenset(texts) for texts in wishes))


def _acr(request: Mapping[str, Any] | None) -> AcrWish | None:
    texts = _texts(request or {})
    if not request or not texts:
        return None
    return AcrWish(texts, essential=request.get("essential", False))


def _refusal() -> AuthorizationError:
    return AuthorizationError("invalid_request", "the parameter claims cannot be read")
