"""What the identity provider's routes need, built once by the composition root and kept on `app.state.idp`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from crypto.keyring import KeyRing
from idp.authn.passwords import Passwords
from idp.authn.sign_in import Authenticators
from idp.directory.services import DirectoryServices
from idp.keyed import Keyed
from idp.oauth.claims import Subject
from idp.oauth.clients.dynamic import Registering
from idp.oauth.clients.key_sets import KeySets
from idp.oauth.clients.registered import ClientCache
from idp.oauth.fetching import Fetcher
from idp.oauth.keys import SigningKeys
from idp.oauth.logout.delivering import Delivering
from idp.oauth.pairwise import LOOPBACK
from idp.oauth.server import OAuthServer
from idp.oauth.tokens.families import Issuing
from idp.people import subject_of
from kernel.clock import Clock
from kernel.db import Database
from kernel.pages import ZONE
from kernel.store import Executor


@dataclass(frozen=True, slots=True)
class IdpServices:
    """Everything by name. `issuer` is the OIDC issuer: the base address, no slash at its end."""

    issuer: str
    database: Database
    clock: Clock
    keyed: Keyed
    passwords: Passwords
    directory: DirectoryServices
    authenticators: Authenticators
    pairwise_key: bytes
    clients: ClientCache
    keys: SigningKeys
    oauth: OAuthServer
    issuing: Issuing

    @property
    def secure(self) -> bool:
        """Whether cookies are `__Host-` and `Secure`: over https; in http development they are neither."""
        return self.issuer.startswith("https://")

    @property
    def registering(self) -> Registering:
        """What platforms need that register themselves."""
        return Registering(self.issuer, self.database, self.keyed, self.clock, self.issuing.fetcher, self.clients)

    @property
    def delivering(self) -> Delivering:
        """What the worker needs that tells platforms of a sign-out."""
        return Delivering(self.issuer, self.database, self.clients, self.keys, self.issuing.fetcher, self.clock)

    def now(self) -> datetime:
        """Return the present moment: read it once in a request."""
        return self.clock.now()

    def today(self) -> date:
        """Return the day in China."""
        return self.clock.now().astimezone(ZONE).date()

    def subject(self, session: Session, person_id: UUID) -> Subject | None:
        """Return what may be told of a person by scope."""
        return self.issuing.subject_of(session, person_id)


def build_idp(  # noqa: PLR0913 - the composition root's one call, all by name
    *,
    issuer: str,
    database: Database,
    clock: Clock,
    keyring: KeyRing,
    directory: DirectoryServices,
    cookie_key: bytes,
    fields_key: bytes,
    pairwise_key: bytes,
    passwords: Passwords | None = None,
    fetcher: Fetcher | None = None,
) -> IdpServices:
    """Build the services. The keys are the key-encryption keys "cookies", "fields" and "pairwise".

    `keyring` holds (or will hold, made here at the first start) the `oidc` keys; `fetcher`
    calls the addresses that platforms name.
    """
    keyed = Keyed(cookie_key)
    clients = ClientCache(database, keyed, clock)
    keys = SigningKeys(keyring)
    fetcher = fetcher or Fetcher(allow_loopback=urlsplit(issuer).hostname in LOOPBACK)

    def told(on: Executor, person_id: UUID) -> Subject | None:
        return subject_of(on, person_id, vault=directory.vault, now=clock.now())

    issuing = Issuing(
        database, keyed, clock, issuer, fetcher, KeySets(fetcher, clock), keys, pairwise_key, subject_of=told
    )
    return IdpServices(
        issuer=issuer,
        database=database,
        clock=clock,
        keyed=keyed,
        passwords=passwords or Passwords(),
        directory=directory,
        authenticators=Authenticators(keyed, FieldVault(fields_key, purpose="authenticators")),
        pairwise_key=pairwise_key,
        clients=clients,
        keys=keys,
        oauth=OAuthServer(clients, issuing),
        issuing=issuing,
    )


def idp_of(request: Request) -> IdpServices:
    """Return the application's identity provider."""
    services: IdpServices = request.app.state.idp
    return services
