"""Which issuer signs people in at this host (OIDC Discovery 1.0 §2, RFC 7033). Pure.

The answer is the same for every name at the host: nobody is looked up, so nobody learns who is
known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

REL: Final = "http://openid.net/specs/connect/1.0/issuer"
MAX_RESOURCE: Final = 500


def issuer_link(resources: Sequence[str], rels: Sequence[str], *, issuer: str) -> tuple[HTTPStatus, dict[str, Any]]:
    """Return the status and the JSON Resource Descriptor for a query."""
    if len(resources) != 1 or not 0 < len(resources[0]) <= MAX_RESOURCE:  # RFC 7033 §4.2.
        return HTTPStatus.BAD_REQUEST, {}
    resource = resources[0]
    if _host(resource) != urlsplit(issuer).netloc.lower():
        return HTTPStatus.NOT_FOUND, {}
    links = [{"rel": REL, "href": issuer}] if not rels or REL in rels else []
    return HTTPStatus.OK, {"subject": resource, "links": links}


def _host(resource: str) -> str | None:
    """Return host and port of an `acct:` or `https:` name (OIDC Discovery §2.1)."""
    scheme, _, rest = resource.partition(":")
    if scheme.lower() == "acct":
        return rest.rpartition("@")[2].lower() or None
    try:
        parts = urlsplit(resource)
    except ValueError:
        return None
    return parts.netloc.rpartition("@")[2].lower() if parts.scheme in ("https", "http") else None
