"""Requests of machine endpoints in Authlib's form: method, headers and a parsed form body, no framework."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

MAX_BODY: Final = 65_536
MAX_FIELDS: Final = 50


class FormRequest(OAuth2Request):
    """A POST with `application/x-www-form-urlencoded` parameters, each at most once (RFC 6749 §3.2)."""

    def __init__(self, uri: str, headers: Mapping[str, str], form: dict[str, str]) -> None:
        """Hold the parsed `form`."""
        super().__init__("POST", uri, headers=headers)
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


def check_authorization(headers: Mapping[str, Any], form: Mapping[str, str]) -> None:
    """Check that the client authenticates in one way only, and readably (RFC 6749 §2.3).

    Raises:
        InvalidClientError: The Authorization header cannot be read.
        InvalidRequestError: The client authenticates in two ways.
    """
    scheme, _, credentials = str(headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError("the Authorization header cannot be read", status_code=401) from error
    if "client_secret" in form:
        raise InvalidRequestError("the client authenticates in two ways")


def form_or_nothing(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a form body, none where it is no form."""
    try:
        return parse_form(content_type, body)
    except InvalidRequestError:
        return {}
