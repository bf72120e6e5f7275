"""The answer to an authorization request: where the browser goes, with what, and how. Pure but for JARM's key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from idp.oauth.authorization.jarm import sign_answer
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.response_modes import Way, way_of
from idp.oauth.errors import AuthorizationError
from idp.oauth.keys import SigningKeys

Params = Sequence[tuple[str, str]]
_HOST_SOURCE: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """An answer on its way: the platform's own address, and the parameters that go there."""

    way: Way
    uri: str
    params: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """The address that a redirect names. A form's answer is in its body, and none."""
        if self.way is Way.FRAGMENT:
            return f"{self.uri}#{_encoded(self.params)}"
        return with_query(self.uri, self.params)


def answer_to(
    request: AuthorizationRequest, params: Params, *, issuer: str, keys: SigningKeys, now: datetime
) -> AuthorizationAnswer:
    """Return the answer with `state` and `iss` (RFC 9207 §2), in the mode that was asked for.

    Under JARM all of it is in one signed `response`.
    """
    way, signed = way_of(request.values, always_signed=request.client.metadata.signs_messages)
    state = [("state", request.state)] if request.state is not None else []
    whole = (*params, *state, ("iss", issuer))
    if signed:
        whole = (("response", sign_answer(whole, client=request.client, issuer=issuer, keys=keys, now=now)),)
    return AuthorizationAnswer(way, request.redirect_uri, whole)


def error_params(error: AuthorizationError) -> list[tuple[str, str]]:
    """Return the parameters of a refusal (RFC 6749 §4.1.2.1)."""
    return [("error", error.error), ("error_description", error.description)]


def with_query(uri: str, params: Params) -> str:
    """Return `uri` with `params` after what its query holds already, which stays as it is."""
    parts = urlsplit(uri)
    added = _encoded(params)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def form_target(uri: str) -> str:
    """Return what `form-action` must name so that a form may end in a redirect to `uri`; `frame-src` takes it too.

    The grammar of host sources has no IPv6 literals, and browsers drop such a source: there
    only the scheme can be named. Nor may a host bring a sign that would end the directive.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and _HOST_SOURCE.fullmatch(parts.netloc):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _encoded(params: Params) -> str:
    return urlencode(params, quote_via=quote)
