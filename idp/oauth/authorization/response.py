"""The answer to an authorization request: where the browser goes, with what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.errors import AuthorizationError


def answer_uri(request: AuthorizationRequest, issuer: str, params: Sequence[tuple[str, str]]) -> str:
    """Return the redirect_uri with the answer, `state` and `iss` (RFC 9207 §2) in its query."""
    state = [("state", request.state)] if request.state is not None else []
    return with_query(request.redirect_uri, [*params, *state, ("iss", issuer)])


def error_params(error: AuthorizationError) -> list[tuple[str, str]]:
    """Return the parameters of a refusal (RFC 6749 §4.1.2.1)."""
    return [("error", error.error), ("error_description", error.description)]


def with_query(uri: str, params: Sequence[tuple[str, str]]) -> str:
    """Return `uri` with `params` after what its query holds already, which stays as it is."""
    parts = urlsplit(uri)
    added = urlencode(params, quote_via=quote)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def form_target(uri: str) -> str:
    """Return what `form-action` must name so that a form may end in a redirect to `uri`.

    The grammar of host sources has no IPv6 literals, and browsers drop such a source: there
    only the scheme can be named.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and "[" not in parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
