"""Addresses that browsers are sent to: parameters put behind them, and how a page's policy names them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

Params = Sequence[tuple[str, str]]
_HOST_SOURCE: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


def with_query(uri: str, params: Params) -> str:
    """Return `uri` with `params` after what its query holds already, which stays as it is."""
    parts = urlsplit(uri)
    query = f"{parts.query}&{_encoded(params)}" if parts.query else _encoded(params)
    return urlunsplit(parts._replace(query=query))


def with_fragment(uri: str, params: Params) -> str:
    """Return `uri` with `params` in its fragment. A registered address has none of its own."""
    return f"{uri}#{_encoded(params)}"


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
