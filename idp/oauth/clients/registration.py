"""Registering a platform. A secret is shown once and kept as a keyed hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.oauth.clients.metadata import SECRET_METHODS, ClientMetadata, with_profile, with_refresh
from idp.oauth.clients.names import is_honest, is_visible
from idp.oauth.clients.registered import ACTIVE, secret_hash
from idp.oauth.clients.rules import check_metadata, check_uri, invalid
from idp.oauth.models import Client
from idp.oauth.pairwise import sector_of
from idp.oauth.scopes import OPENID, parse_scope, scope_text
from kernel import audit
from kernel.ids import new_token

PLATFORM: Final = "platform"
TEST: Final = "test"
DYNAMIC: Final = "dynamic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistration:
    """What a platform registers with: its names for people, and its metadata."""

    name: str
    owner: str
    purpose: str = ""
    name_en: str = ""
    home: str | None = None
    kind: str = PLATFORM
    state: str = ACTIVE
    registered_by: UUID | None = None
    expires_at: datetime | None = None
    sector: str | None = None
    """The host of a checked `sector_identifier_uri`; None: the redirect_uris tell; empty: a sector by itself."""
    registration_token: str | None = None
    """With it a platform that registered itself looks after its registration (RFC 7592)."""
    metadata: ClientMetadata = field(default_factory=ClientMetadata)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What the platform gets back, the only time its secret is seen. One that has keys or is public has none."""

    client_id: str
    client_secret: str | None


def register_client(
    session: Session, registration: ClientRegistration, *, keyed: Keyed, now: datetime
) -> ClientCredentials:
    """Register a platform; return its credentials, the only time the secret is seen.

    Raises:
        InvalidClientMetadataError: A field breaks a rule.
    """
    metadata = accepted(registration.metadata)
    check_names(registration)
    client_id = f"xc_{new_token(16)}"
    sector = sector_for(registration.sector, client_id, metadata)
    secret = new_token() if metadata.token_endpoint_auth_method in SECRET_METHODS else None
    session.add(
        Client(
            client_id=client_id,
            kind=registration.kind,
            state=registration.state,
            secret_hash=None if secret is None else secret_hash(keyed, client_id, secret),
            name=registration.name,
            name_en=registration.name_en or registration.name,
            owner=registration.owner,
            purpose=registration.purpose,
            home=registration.home,
            sector=sector,
            registered=metadata.stored(),
            registration_token_hash=None
            if registration.registration_token is None
            else registration_hash(keyed, client_id, registration.registration_token),
            registered_by=registration.registered_by,
            created_at=now,
            changed_at=now,
            expires_at=registration.expires_at,
        )
    )
    audit.record(session, at=now, action="client.register", subject=client_id)
    return ClientCredentials(client_id, secret)


def sector_for(checked: str | None, client_id: str, metadata: ClientMetadata) -> str:
    """Return the sector of a platform; `checked` is as in `ClientRegistration.sector`.

    Raises:
        InvalidClientMetadataError: Its redirect_uris lie on several hosts and no list joins them.
    """
    if checked is not None:
        return checked or client_id
    sector = sector_of(client_id, metadata.redirect_uris) if metadata.redirect_uris else client_id
    if sector is None:
        raise invalid("redirect_uris", "they lie on several hosts: a sector_identifier_uri is needed")
    return sector


def registration_hash(keyed: Keyed, client_id: str, token: str) -> bytes:
    """Return the keyed hash under which a registration access token is kept."""
    return keyed.of("registration", f"{client_id}|{token}")


def accepted(metadata: ClientMetadata, *, strict: bool = False, loopback: bool = True) -> ClientMetadata:
    """Return the metadata as it will be kept: checked, `openid` in its scope, PKCE where it must be.

    `strict` and `loopback` are those of `rules.check_metadata`.

    Raises:
        InvalidClientMetadataError: A field breaks a rule.
    """
    metadata = with_profile(metadata)
    check_metadata(metadata, strict=strict, loopback=loopback)
    return with_refresh(
        metadata.model_copy(
            update={
                "scope": scope_text({*parse_scope(metadata.scope), OPENID}),
                # RFC 9700 §2.1.1: a public client cannot do without; FAPI 2.0 §5.3.2.2 nor can its clients.
                "require_pkce": metadata.require_pkce or metadata.public or metadata.fapi,
            }
        )
    )


def check_names(registration: ClientRegistration) -> None:
    """Check what people will read.

    Raises:
        InvalidClientMetadataError: It is empty or too long, or does not look like what it is.
    """
    for name, limit in (("name", 100), ("name_en", 100), ("owner", 100), ("purpose", 200)):
        text = getattr(registration, name)
        if not text.strip() and name in ("name", "owner"):
            raise invalid(name, "it is empty")
        if len(text) > limit:
            raise invalid(name, f"it is longer than {limit} characters")
        if not (is_visible if name == "purpose" else is_honest)(text):
            raise invalid(name, "it holds signs that cannot be seen, or mixes alphabets that look alike")
    if registration.home:
        check_uri("home", registration.home)
