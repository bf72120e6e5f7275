"""Platforms: registered by a use case, read through a short-lived cache.

Names follow OpenID Connect Registration 1.0 §2. A secret is shown once and kept as a keyed hash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy.orm import Session

from crypto.hashes import equal
from crypto.keys import RS256
from idp import store
from idp.errors import InvalidClientMetadataError
from idp.keyed import Keyed
from idp.models import Client
from idp.oauth.keys import ALGS
from idp.oauth.pairwise import LOOPBACK, sector_of
from idp.oauth.scopes import OFFLINE, OPENID, SUPPORTED, parse_scope, scope_text
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database
from kernel.ids import new_token

AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "none")
MAX_URIS: Final = 20
MAX_URI: Final = 500
FRESH: Final = timedelta(seconds=10)
CACHED: Final = 1_000
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")  # RFC 8252 §7.1: a reversed domain name.


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistration:
    """What a platform registers with."""

    name: str
    owner: str
    redirect_uris: Sequence[str]
    purpose: str = ""
    name_en: str = ""
    home: str | None = None
    post_logout_redirect_uris: Sequence[str] = ()
    scope: str = "openid profile"
    auth_method: str = "client_secret_basic"
    id_token_alg: str = RS256
    require_pkce: bool = True
    default_max_age: int | None = None


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What the platform gets back, the only time its secret is seen. A public client has none."""

    client_id: str
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class RegisteredClient(ClientMixin):
    """A platform as the endpoints see it: plain values, no database behind."""

    client_id: str
    secret_hash: bytes | None
    name: str
    name_en: str
    owner: str
    purpose: str
    home: str | None
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scope: str
    grant_types: tuple[str, ...]
    auth_method: str
    id_token_alg: str
    sector: str
    require_pkce: bool
    default_max_age: int | None
    keyed: Keyed = field(repr=False, compare=False)

    @classmethod
    def of(cls, row: Client, keyed: Keyed) -> RegisteredClient:
        """Return the platform of a row."""
        return cls(
            client_id=row.client_id,
            secret_hash=row.secret_hash,
            name=row.name,
            name_en=row.name_en,
            owner=row.owner,
            purpose=row.purpose,
            home=row.home,
            redirect_uris=tuple(row.redirect_uris),
            post_logout_redirect_uris=tuple(row.post_logout_redirect_uris),
            scope=row.scope,
            grant_types=tuple(row.grant_types),
            auth_method=row.auth_method,
            id_token_alg=row.id_token_alg,
            sector=row.sector,
            require_pkce=row.require_pkce,
            default_max_age=row.default_max_age,
            keyed=keyed,
        )

    def get_client_id(self) -> str:
        """Return the client_id."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the part of `scope` that the platform registered."""
        allowed = set(self.scope.split())
        return scope_text(name for name in parse_scope(scope) if name in allowed)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the platform's secret."""
        given = self.keyed.of("client-secret", f"{self.client_id}|{client_secret}")
        return self.secret_hash is not None and equal(given, self.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - Authlib's signature
        """Whether the platform registered this way of authenticating: the same one at every endpoint."""
        return method == self.auth_method

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the platform registered this grant."""
        return grant_type in self.grant_types


class ClientCache:
    """Platforms by client_id, kept for ten seconds: a block or a change counts after that at the latest."""

    def __init__(self, database: Database, keyed: Keyed, clock: Clock) -> None:
        """Read from `database`."""
        self._database = database
        self._keyed = keyed
        self._clock = clock
        self._kept: dict[str, tuple[datetime, RegisteredClient]] = {}

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return the platform, or None where there is none or it is blocked."""
        now = self._clock.now()
        kept = self._kept.get(client_id)
        if kept is not None and now - kept[0] < FRESH:
            return kept[1]
        self._kept.pop(client_id, None)
        with self._database.read() as session:
            row = store.client(session, client_id)
        if row is None or row.blocked_at is not None:
            return None
        if len(self._kept) >= CACHED:
            self._kept.clear()
        client = RegisteredClient.of(row, self._keyed)
        self._kept[client_id] = (now, client)
        return client


def register_client(
    session: Session, registration: ClientRegistration, *, keyed: Keyed, now: datetime
) -> ClientCredentials:
    """Register a platform; return its credentials, the only time the secret is seen.

    Raises:
        InvalidClientMetadataError: A field breaks a rule.
    """
    _check(registration)
    client_id = f"xc_{new_token(16)}"
    sector = sector_of(client_id, tuple(registration.redirect_uris))
    if sector is None:
        raise _invalid("redirect_uris", "they lie on several hosts")
    secret = None if registration.auth_method == "none" else new_token()
    scopes = {*parse_scope(registration.scope), OPENID}
    session.add(
        Client(
            client_id=client_id,
            secret_hash=None if secret is None else keyed.of("client-secret", f"{client_id}|{secret}"),
            name=registration.name,
            name_en=registration.name_en or registration.name,
            owner=registration.owner,
            purpose=registration.purpose,
            home=registration.home,
            redirect_uris=list(registration.redirect_uris),
            post_logout_redirect_uris=list(registration.post_logout_redirect_uris),
            scope=scope_text(scopes),
            grant_types=["authorization_code", *(["refresh_token"] if OFFLINE in scopes else [])],
            auth_method=registration.auth_method,
            id_token_alg=registration.id_token_alg,
            sector=sector,
            # RFC 9700 §2.1.1: a public client cannot do without.
            require_pkce=registration.require_pkce or secret is None,
            default_max_age=registration.default_max_age,
            created_at=now,
        )
    )
    audit.record(session, at=now, action="client.register", subject=client_id)
    return ClientCredentials(client_id, secret)


def _check(registration: ClientRegistration) -> None:
    for name, limit in (("name", 100), ("name_en", 100), ("owner", 100), ("purpose", 200)):
        text = getattr(registration, name)
        if not text.strip() and name in ("name", "owner"):
            raise _invalid(name, "it is empty")
        if len(text) > limit:
            raise _invalid(name, f"it is longer than {limit} characters")
    if unknown := set(registration.scope.split()) - set(SUPPORTED):
        raise _invalid("scope", f"unknown: {' '.join(sorted(unknown))}")
    for name, values in (("auth_method", AUTH_METHODS), ("id_token_alg", ALGS)):
        if getattr(registration, name) not in values:
            raise _invalid(name, f"it must be one of {', '.join(values)}")
    _check_uris(registration)


def _check_uris(registration: ClientRegistration) -> None:
    if not registration.redirect_uris:
        raise _invalid("redirect_uris", "there is none")
    uris = {
        "redirect_uris": registration.redirect_uris,
        "post_logout_redirect_uris": registration.post_logout_redirect_uris,
        "home": (registration.home,) if registration.home else (),
    }
    for name, values in uris.items():
        if len(values) > MAX_URIS:
            raise _invalid(name, f"there are more than {MAX_URIS}")
        for uri in values:
            _check_uri(name, uri)


def _check_uri(name: str, uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise _invalid(name, "it is no address") from error
    if len(uri) > MAX_URI or not uri.isascii() or any(sign.isspace() or not sign.isprintable() for sign in uri):
        raise _invalid(name, "it is too long or holds signs that an address has not")
    if parts.fragment or "#" in uri:
        raise _invalid(name, "it has a fragment")
    if "@" in parts.netloc or "\\" in uri or "*" in uri:
        raise _invalid(name, "it could be read in two ways")
    secure = parts.scheme == "https" and host
    loopback = parts.scheme == "http" and host in LOOPBACK
    private = not parts.netloc and _PRIVATE_SCHEME.fullmatch(parts.scheme)
    if not (secure or loopback or private):
        raise _invalid(name, "it is neither https, nor http on a loopback address, nor a private scheme with a dot")


def _invalid(name: str, reason: str) -> InvalidClientMetadataError:
    return InvalidClientMetadataError(f"{name}: {reason}", field=name, reason=reason)
