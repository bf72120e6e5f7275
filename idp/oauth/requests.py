"""Requests of machine endpoints in Authlib's form: method, headers and a parsed form body, no framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

MAX_BODY: Final = 65_536
MAX_FIELDS: Final = 50
REPEATABLE: Final = frozenset({"resource"})
"""RFC 8707 §2: the only parameter that may stand more than once, here as at the authorization endpoint."""
CERTIFICATE: Final = "xinji.client_certificate"
"""Where a trusted listener leaves the client's certificate (DER) in an ASGI scope."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a machine endpoint, before anything of it is believed.

    `path` begins with a slash; `certificate` is the client's, in DER, as a trusted listener saw it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    certificate: bytes | None = None


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of an ASGI scope; the values of a repeated one joined with commas (RFC 9110 §5.2).

    So a header that may stand only once (DPoP, Authorization) is malformed where it stands
    twice, and nobody takes the first of two for the only one.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


class FormRequest(OAuth2Request):
    """A POST with `application/x-www-form-urlencoded` parameters, each at most once (RFC 6749 §3.2)."""

    def __init__(self, uri: str, call: Call, form: dict[str, str]) -> None:
        """Hold the parsed `form` of a call to `uri`."""
        # Whether the way here is secure is the base address' business, and not to be parsed at each request.
        super().__init__(call.method, "https://issuer", headers=call.headers)
        self.uri = uri
        self.call = call
        self._fields = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return self._fields


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a form body; empty ones count as omitted (RFC 6749 §3.2).

    Of `resource`, the one that may be repeated (RFC 8707 §2), all with spaces between; a URI has none.

    Raises:
        InvalidRequestError: It is no form, or another parameter is repeated.
    """
    pairs = parse_pairs(content_type, body)
    names = [name for name, _ in pairs if name not in REPEATABLE]
    if len(set(names)) != len(names):
        raise InvalidRequestError("a parameter is repeated")
    form = dict(pairs)
    if len(form) != len(pairs):
        form["resource"] = " ".join(value for name, value in pairs if name == "resource")
    return form


def parse_pairs(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a form body in order, repeated ones too; empty ones count as omitted.

    Raises:
        InvalidRequestError: It is no form.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise InvalidRequestError("the body must be application/x-www-form-urlencoded")
    try:
        return parse_qsl(body.decode(), max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequestError("the body is not a form in UTF-8") from error


def form_or_nothing(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a form body, none where it is no form."""
    try:
        return parse_form(content_type, body)
    except InvalidRequestError:
        return {}
