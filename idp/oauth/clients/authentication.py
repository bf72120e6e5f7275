"""How a platform proves who it is at the machine endpoints: one way, the one that it registered (RFC 6749 §2.3).

One table, a check a method. Every refusal is the same error with the same text, so that an
unknown platform is not told from a wrong secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.requests import FormRequest


class ClientSource(Protocol):
    """Where platforms are looked up."""

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return an active platform."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who a request says it comes from, by which method, with what proof."""

    method: str
    client_id: str
    proof: str = ""


Method = Callable[[FormRequest, Claimed, RegisteredClient], bool]


def _secret(request: FormRequest, claimed: Claimed, client: RegisteredClient) -> bool:  # noqa: ARG001 - a Method
    return client.check_client_secret(claimed.proof)


def _nothing(request: FormRequest, claimed: Claimed, client: RegisteredClient) -> bool:  # noqa: ARG001 - a Method
    return True


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {"client_secret_basic": _secret, "client_secret_post": _secret, "none": _nothing}
)


def authenticated(request: FormRequest, clients: ClientSource, methods: Collection[str]) -> RegisteredClient:
    """Return the platform that sent the request.

    Raises:
        InvalidClientError: It is unknown, proves nothing, or not in the way it registered.
        InvalidRequestError: It authenticates in two ways (RFC 6749 §2.3).
    """
    claimed = _claimed(request)
    client = clients.get(claimed.client_id)
    fits = (
        client is not None
        and claimed.method in methods
        and claimed.method == client.metadata.token_endpoint_auth_method
        and METHODS[claimed.method](request, claimed, client)
    )
    if client is None or not fits:
        raise InvalidClientError("client authentication failed", status_code=401)
    return client


def _claimed(request: FormRequest) -> Claimed:
    form = request.form
    scheme, _, credentials = str(request.headers.get("authorization", "")).partition(" ")
    if scheme.lower() == "basic":
        if "client_secret" in form:
            raise InvalidRequestError("the client authenticates in two ways")
        client_id, secret = _basic(credentials.strip())
        return Claimed("client_secret_basic", client_id, secret)
    if "client_secret" in form:
        return Claimed("client_secret_post", form.get("client_id", ""), form["client_secret"])
    return Claimed("none", form.get("client_id", ""))


def _basic(credentials: str) -> tuple[str, str]:
    """Read id and secret, each form-encoded first (RFC 6749 §2.3.1)."""
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError("the Authorization header cannot be read", status_code=401) from error
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
