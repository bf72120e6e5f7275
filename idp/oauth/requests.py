"""Requests of machine endpoints in Authlib's form: method, headers and a parsed form body, no framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

MAX_BODY: Final = 65_536
MAX_FIELDS: Final = 50
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


class FormRequest(OAuth2Request):
    """A POST with `application/x-www-form-urlencoded` parameters, each at most once (RFC 6749 §3.2)."""

    def __init__(self, uri: str, call: Call, form: dict[str, str]) -> None:
        """Hold the parsed `form` of a call to `uri`."""
        super().__init__(call.method, uri, headers=call.headers)
        self.call = call
        self._fields = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return self._fields


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a form body; empty ones count as omitted (RFC 6749 §3.2).

    Raises:
        InvalidRequestError: It is no form, or a parameter is repeated.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise InvalidRequestError("the body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequestError("the body is not a form in UTF-8") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequestError("a parameter is repeated")
    return form


def form_or_nothing(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a form body, none where it is no form."""
    try:
        return parse_form(content_type, body)
    except InvalidRequestError:
        return {}
