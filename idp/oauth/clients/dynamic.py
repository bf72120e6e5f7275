"""Platforms that register themselves, and look after their registration (RFC 7591, RFC 7592, OIDC Registration 1.0).

Everything is read, fetched and checked before the one short write. The registration access token
changes at each update, so that an old copy of it is worth nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from crypto.hashes import equal
from idp.errors import InvalidClientMetadataError
from idp.keyed import Keyed
from idp.oauth.clients.initial_tokens import MAX_TOKEN, initial_token_hash
from idp.oauth.clients.metadata import DEVICE, SECRET_METHODS, ClientMetadata
from idp.oauth.clients.registered import ACTIVE, ClientCache, secret_hash
from idp.oauth.clients.registration import (
    DYNAMIC,
    ClientRegistration,
    accepted,
    check_names,
    register_client,
    registration_hash,
    sector_for,
)
from idp.oauth.clients.requested import (
    INVALID_METADATA,
    Requested,
    check_update,
    described,
    read_document,
    read_requested,
    refusal,
)
from idp.oauth.errors import FetchError, InvalidTokenError, RegistrationError
from idp.oauth.fetching import Fetcher
from idp.oauth.models import Client
from idp.oauth.pairwise import LOOPBACK
from idp.oauth.stores import clients as rows
from idp.oauth.stores import initial_tokens
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database
from kernel.ids import new_token

LIFE: Final = timedelta(days=365)
"""How long a registration holds; an update renews it."""
PATH: Final = "/oauth/register"
PREFIX: Final = "xra_"
MOST_OWN: Final = 20
"""Platforms that the tokens of one developer keep in use at once."""
REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class Registering:
    """What registering needs. Built once, at start-up."""

    issuer: str
    database: Database
    keyed: Keyed
    clock: Clock
    fetcher: Fetcher
    clients: ClientCache

    @property
    def loopback(self) -> bool:
        """Whether this is a developer's machine, where platforms live on loopback too."""
        return urlsplit(self.issuer).hostname in LOOPBACK


def register(token: str, content_type: str, body: bytes, *, by: Registering) -> dict[str, Any]:
    """Register a platform with an initial access token; return what RFC 7591 §3.2.1 wants.

    Raises:
        InvalidTokenError: The initial access token is unknown, used up or over.
        RegistrationError: The request breaks a rule.
        OnEventLoopError: A sector_identifier_uri must be fetched: run the work with `fetching.off_loop`.
    """
    now = by.clock.now()
    with by.database.read() as session:
        permit = initial_tokens.usable(session, initial_token_hash(by.keyed, token), now)
    if permit is None:
        raise InvalidTokenError("the initial access token is unknown, used up or over")
    wish = read_requested(read_document(content_type, body))
    metadata = _accepted(wish, by, require_pkce=permit.require_pkce)
    registration_token = PREFIX + new_token()
    registration = ClientRegistration(
        name=wish.name,
        name_en=wish.name_en,
        owner=permit.owner,
        home=wish.home,
        kind=DYNAMIC,
        registered_by=permit.made_by,
        expires_at=now + LIFE,
        sector=_sector(metadata, by),
        registration_token=registration_token,
        metadata=metadata,
    )
    with by.database.write() as session:
        if not initial_tokens.take_use(session, permit.id, now):
            raise InvalidTokenError("the initial access token is unknown, used up or over")
        if permit.made_by is not None and rows.live_of(session, permit.made_by, DYNAMIC, now) >= MOST_OWN:
            raise RegistrationError(INVALID_METADATA, "the developer has enough clients: end one first")
        try:
            made = register_client(session, registration, keyed=by.keyed, now=now)
        except InvalidClientMetadataError as error:
            raise refusal(error) from error
        session.flush()
        client = _row(session, made.client_id)
    return _described(client, by, registration_token, made.client_secret)


def read_registration(client_id: str, token: str, *, by: Registering) -> dict[str, Any]:
    """Return a registration as it stands (RFC 7592 §2.1); the secret is not known here any more.

    Raises:
        InvalidTokenError: This is not the platform's registration access token.
    """
    with by.database.read() as session:
        client = _owned(rows.client(session, client_id), token, by)
    return _described(client, by, token, None)


def update_registration(
    client_id: str, token: str, content_type: str, body: bytes, *, by: Registering
) -> dict[str, Any]:
    """Replace a registration whole (RFC 7592 §2.2) and give it a new registration access token.

    Raises:
        InvalidTokenError: This is not the platform's registration access token.
        RegistrationError: The request breaks a rule.
        OnEventLoopError: As in `register`.
    """
    now = by.clock.now()
    with by.database.read() as session:
        known = _owned(rows.client(session, client_id), token, by)
    document = read_document(content_type, body)
    check_update(document, client_id)
    _check_secret(document, known, by)
    wish = read_requested(document)
    kept = ClientMetadata.model_validate(known.registered)
    metadata = _accepted(wish, by, require_pkce=kept.require_pkce)
    try:
        sector = sector_for(_sector(metadata, by), client_id, metadata)
    except InvalidClientMetadataError as error:
        raise refusal(error) from error
    next_token = PREFIX + new_token()
    with by.database.write() as session:
        client = _owned(rows.client(session, client_id, lock=True), token, by)
        secret = _next_secret(client, metadata, by.keyed)
        client.name, client.name_en, client.home = wish.name, wish.name_en, wish.home
        client.sector = sector
        client.registered = metadata.stored()
        client.registration_token_hash = registration_hash(by.keyed, client_id, next_token)
        client.changed_at = now
        client.expires_at = now + LIFE
        audit.record(session, at=now, action="client.update", subject=client_id)
    by.clients.forget(client_id)
    return _described(client, by, next_token, secret)


def delete_registration(client_id: str, token: str, *, by: Registering) -> None:
    """End a platform with every token that it holds (RFC 7592 §2.3); its row goes with a later purge.

    Raises:
        InvalidTokenError: This is not the platform's registration access token.
    """
    now = by.clock.now()
    with by.database.write() as session:
        client = _owned(rows.client(session, client_id, lock=True), token, by)
        client.state, client.secret_hash, client.registration_token_hash = REMOVED, None, None
        client.changed_at, client.expires_at = now, now
        rows.end_tokens(session, client_id, now)
        audit.record(session, at=now, action="client.delete", subject=client_id)
    by.clients.forget(client_id)


def _accepted(wish: Requested, by: Registering, *, require_pkce: bool) -> ClientMetadata:
    wanted = wish.metadata.model_copy(update={"require_pkce": require_pkce})
    try:
        check_names(ClientRegistration(name=wish.name, name_en=wish.name_en, owner=wish.name, home=wish.home))
        return accepted(wanted, strict=True, loopback=by.loopback)
    except InvalidClientMetadataError as error:
        raise refusal(error) from error


def _sector(metadata: ClientMetadata, by: Registering) -> str | None:
    """Return the host of a `sector_identifier_uri` whose list holds every redirect_uri (Registration §5).

    Without one the redirect_uris tell; but whoever gets tokens without ever being redirected
    to has shown nobody that the host is its own, and is a sector by itself.
    """
    uri = metadata.sector_identifier_uri
    if uri is None:
        return "" if DEVICE in metadata.grant_types else None
    try:
        listed = json.loads(by.fetcher.get(uri))
    except (FetchError, ValueError, RecursionError) as error:
        raise RegistrationError(INVALID_METADATA, "sector_identifier_uri: it gives no list that can be used") from error
    if not isinstance(listed, list) or not set(metadata.redirect_uris) <= {
        uri for uri in listed if isinstance(uri, str)
    }:
        raise RegistrationError(INVALID_METADATA, "sector_identifier_uri: its list lacks a redirect_uri")
    return urlsplit(uri).hostname


def _check_secret(document: Mapping[str, Any], client: Client, by: Registering) -> None:
    secret = document.get("client_secret")
    if secret is None:
        return
    kept = client.secret_hash
    if not isinstance(secret, str) or kept is None or not equal(secret_hash(by.keyed, client.client_id, secret), kept):
        raise RegistrationError(INVALID_METADATA, "client_secret is not the one that was given")


def _next_secret(client: Client, metadata: ClientMetadata, keyed: Keyed) -> str | None:
    """Give a secret to who needs one now, take it from who proves itself otherwise; return a new one."""
    if metadata.token_endpoint_auth_method not in SECRET_METHODS:
        client.secret_hash = None
        return None
    if client.secret_hash is not None:
        return None
    secret = new_token()
    client.secret_hash = secret_hash(keyed, client.client_id, secret)
    return secret


def _owned(client: Client | None, token: str, by: Registering) -> Client:
    """Return the platform if the token is its own; one that is blocked, over or unknown is refused alike."""
    kept = client.registration_token_hash if client is not None else None
    given = registration_hash(by.keyed, client.client_id if client is not None else "", token[:MAX_TOKEN])
    fits = equal(given, kept or bytes(32)) and kept is not None
    if client is None or not fits or client.state != ACTIVE or client.kind != DYNAMIC:
        raise InvalidTokenError("the registration access token is not this platform's")
    if client.expires_at is not None and by.clock.now() >= client.expires_at:
        raise InvalidTokenError("the registration access token is not this platform's")
    return client


def _row(session: Session, client_id: str) -> Client:
    client = rows.client(session, client_id)
    assert client is not None  # noqa: S101 - it was written a moment ago
    return client


def _described(client: Client, by: Registering, token: str, secret: str | None) -> dict[str, Any]:
    return described(
        ClientMetadata.model_validate(client.registered),
        client_id=client.client_id,
        name=client.name,
        name_en=client.name_en,
        home=client.home,
        issued_at=client.created_at,
        expires_at=client.expires_at,
        registration_uri=f"{by.issuer}{PATH}/{client.client_id}",
        registration_token=token,
        secret=secret,
    )
