"""How a platform proves who it is at the machine endpoints: one way, the one that it registered (RFC 6749 §2.3).

One table, a check a method. Every refusal is the same error with the same text, so that an
unknown platform is not told from a wrong proof; a check runs for an unknown one too, so that
the time does not tell either. (What remains is the cache of platforms: a client_id is no secret.)
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

from crypto.hashes import equal
from idp.oauth.clients import assertions, certificates
from idp.oauth.clients.assertions import ProofNeeds
from idp.oauth.clients.metadata import KEY_METHODS, SECRET_METHODS, TLS_METHODS
from idp.oauth.clients.registered import RegisteredClient, secret_hash
from idp.oauth.requests import FormRequest

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - an address
NOBODY: Final = bytes(32)


class ClientSource(Protocol):
    """Where platforms are looked up."""

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return an active platform."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who a request says it comes from, with what proof, and the methods that this may be."""

    methods: tuple[str, ...]
    client_id: str
    proof: str = ""


Method = Callable[[FormRequest, Claimed, RegisteredClient | None, ProofNeeds], bool]


def _secret(request: FormRequest, claimed: Claimed, client: RegisteredClient | None, by: ProofNeeds) -> bool:  # noqa: ARG001 - a Method
    kept = client.secret_hash if client else None
    fits = equal(secret_hash(by.keyed, claimed.client_id, claimed.proof), kept or NOBODY)
    return fits and kept is not None


def _nothing(request: FormRequest, claimed: Claimed, client: RegisteredClient | None, by: ProofNeeds) -> bool:  # noqa: ARG001 - a Method
    return True


def _assertion(request: FormRequest, claimed: Claimed, client: RegisteredClient | None, by: ProofNeeds) -> bool:
    endpoints = {by.issuer + TOKEN_PATH, by.issuer + request.call.path}  # RFC 9126 §2: PAR's own address too.
    return assertions.proves(claimed.proof, client, endpoints=endpoints, by=by)


def _certificate(request: FormRequest, claimed: Claimed, client: RegisteredClient | None, by: ProofNeeds) -> bool:  # noqa: ARG001 - a Method
    der = request.call.certificate
    return client is not None and certificates.names_client(der, client.metadata, by.clock.now())


def _own_certificate(request: FormRequest, claimed: Claimed, client: RegisteredClient | None, by: ProofNeeds) -> bool:  # noqa: ARG001 - a Method
    der, now = request.call.certificate, by.clock.now()
    if client is None or der is None:
        return False
    if certificates.is_registered(der, by.key_sets.of(client), now):
        return True
    return client.metadata.jwks_uri is not None and certificates.is_registered(
        der, by.key_sets.of(client, fresh=True), now
    )


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "client_secret_basic": _secret,
        "client_secret_post": _secret,
        "private_key_jwt": _assertion,
        "tls_client_auth": _certificate,
        "self_signed_tls_client_auth": _own_certificate,
        "none": _nothing,
    }
)


def authenticated(
    request: FormRequest, clients: ClientSource, methods: Collection[str], *, by: ProofNeeds
) -> RegisteredClient:
    """Return the platform that sent the request.

    Raises:
        InvalidClientError: It is unknown, proves nothing, or not in the way it registered.
        InvalidRequestError: It authenticates in two ways (RFC 6749 §2.3).
        OnEventLoopError: Its keys must be fetched: run the work with `fetching.off_loop`.
    """
    claimed = _claimed(request)
    client = clients.get(claimed.client_id)
    registered = client.metadata.token_endpoint_auth_method if client else None
    method = registered if registered in claimed.methods else None
    # A stranger, or one who registered another way, is checked all the same, and refused.
    proved = METHODS[method or claimed.methods[0]](request, claimed, client if method else None, by)
    if client is None or method is None or method not in methods or not proved:
        raise InvalidClientError("client authentication failed", status_code=401)
    return client


def _claimed(request: FormRequest) -> Claimed:
    form = request.form
    scheme, _, credentials = str(request.headers.get("authorization", "")).partition(" ")
    basic = scheme.lower() == "basic"
    if basic + ("client_secret" in form) + ("client_assertion" in form) > 1:
        raise InvalidRequestError("the client authenticates in two ways")
    if basic:
        client_id, secret = _basic(credentials.strip())
        claimed = Claimed(SECRET_METHODS[:1], client_id, secret)
    elif "client_secret" in form:
        claimed = Claimed(SECRET_METHODS[1:], form.get("client_id", ""), form["client_secret"])
    elif "client_assertion" in form or "client_assertion_type" in form:
        if form.get("client_assertion_type") != assertions.TYPE:
            raise InvalidClientError("the client_assertion_type is not that of a JWT", status_code=401)
        assertion = form.get("client_assertion", "")
        claimed = Claimed(KEY_METHODS, assertions.claimed_subject(assertion), assertion)
    else:
        claimed = Claimed(("none", *TLS_METHODS), form.get("client_id", ""))
    if form.get("client_id", claimed.client_id) != claimed.client_id:  # RFC 7521 §4.2.
        raise InvalidClientError("the client_id is another than the proof's", status_code=401)
    return claimed


def _basic(credentials: str) -> tuple[str, str]:
    """Read id and secret, each form-encoded first (RFC 6749 §2.3.1)."""
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError("the Authorization header cannot be read", status_code=401) from error
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
