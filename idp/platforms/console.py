"""The developer's console: test clients at once, secrets shown once, keys.

A test client lives on the developer's own computer (loopback redirect URIs) and signs in only
the developer: it cannot be used to look at anybody else (`access`). It needs no review.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.oauth.clients.metadata import SECRET_METHODS, ClientMetadata
from idp.oauth.clients.registered import secret_hash
from idp.oauth.clients.registration import (
    PLATFORM,
    TEST,
    ClientCredentials,
    ClientRegistration,
    accepted,
    check_names,
    register_client,
)
from idp.oauth.models import Client
from idp.oauth.stores import clients
from idp.platforms import store
from idp.platforms.errors import BlockedError, NoSecretError, TooManyClientsError
from idp.platforms.fields import FormReader, Typed
from idp.platforms.states import ACTIVE, BLOCKED, REMOVED
from idp.platforms.technical import read_keys, read_technical
from kernel import audit
from kernel.errors import NotFoundError
from kernel.ids import new_token

MOST_TESTS: Final = 5
TEST_LIFE: Final = timedelta(days=90)
NAME_LENGTH: Final = 60
# On the sign-in page the name must not pass for a real platform's.
MARK, MARK_EN, OWNER = "（测试）", " (test)", "开发者本人"


@dataclass(frozen=True, slots=True)
class TestDraft:
    """What a test client is made of."""

    __test__ = False  # Not a test of pytest's.

    name: str
    metadata: ClientMetadata


def read_test(typed: Typed) -> TestDraft:
    """Return what the form says.

    Raises:
        FormRefusedError: With the mistake of each field that has one.
    """
    reader = FormReader(typed)
    draft = TestDraft(reader.line("name", NAME_LENGTH), read_technical(reader, test=True))
    reader.finish()
    return draft


def create_test(
    session: Session, draft: TestDraft, *, person_id: UUID, keyed: Keyed, now: datetime
) -> ClientCredentials:
    """Register a test client, in use at once; return its credentials, the only time the secret is seen.

    Raises:
        TooManyClientsError: The person has enough of them.
        InvalidClientMetadataError: The metadata break a rule of registration.
    """
    store.lock_person(session, person_id)
    if store.live_tests(session, person_id, now) >= MOST_TESTS:
        raise TooManyClientsError("too many test clients", limit=MOST_TESTS)
    registration = ClientRegistration(
        name=draft.name + MARK,
        name_en=draft.name + MARK_EN,
        owner=OWNER,
        kind=TEST,
        state=ACTIVE,
        registered_by=person_id,
        expires_at=now + TEST_LIFE,
        metadata=draft.metadata,
    )
    return register_client(session, registration, keyed=keyed, now=now)


def change_test(session: Session, client_id: str, draft: TestDraft, *, person_id: UUID, now: datetime) -> None:
    """Change a test client, at once. Its life is not prolonged.

    Raises:
        NotFoundError: The person has no such test client.
        InvalidClientMetadataError: The metadata break a rule of registration.
    """
    client = own_client(session, client_id, person_id, lock=True)
    if client.kind != TEST:
        raise NotFoundError("there is no such test client")
    check_names(ClientRegistration(name=draft.name + MARK, name_en=draft.name + MARK_EN, owner=OWNER))
    client.name, client.name_en = draft.name + MARK, draft.name + MARK_EN
    client.registered = accepted(draft.metadata).stored()
    client.changed_at = now
    audit.record(session, at=now, action="platform.test_changed", actor=person_id, subject=client_id)


def end_test(session: Session, client_id: str, *, person_id: UUID, now: datetime) -> None:
    """End a test client and its tokens; its rows go with the next purge.

    Raises:
        NotFoundError: The person has no such test client.
    """
    client = own_client(session, client_id, person_id, lock=True)
    if client.kind != TEST:
        raise NotFoundError("there is no such test client")
    client.state, client.expires_at, client.changed_at = REMOVED, now, now
    store.end_tokens(session, client_id, now)
    audit.record(session, at=now, action="platform.test_ended", actor=person_id, subject=client_id)


def new_secret(session: Session, client_id: str, *, person_id: UUID, keyed: Keyed, now: datetime) -> str:
    """Return a new secret, the only time it is seen; the old one is worth nothing from now on.

    Raises:
        NotFoundError: The person has no such client.
        BlockedError: It is blocked or removed.
        NoSecretError: It proves itself in another way.
    """
    client = _changeable(session, client_id, person_id)
    if ClientMetadata.model_validate(client.registered).token_endpoint_auth_method not in SECRET_METHODS:
        raise NoSecretError("it has no secret")
    secret = new_token()
    client.secret_hash = secret_hash(keyed, client_id, secret)
    client.changed_at = now
    audit.record(session, at=now, action="platform.secret_changed", actor=person_id, subject=client_id)
    return secret


def change_keys(session: Session, client_id: str, typed: Typed, *, person_id: UUID, now: datetime) -> None:
    """Take other keys into use, at once: a rotation must not wait for anybody.

    Raises:
        NotFoundError: The person has no such client.
        BlockedError: It is blocked or removed.
        FormRefusedError: The keys cannot be used.
    """
    client = _changeable(session, client_id, person_id)
    reader = FormReader(typed)
    present = ClientMetadata.model_validate(client.registered)
    metadata = read_keys(reader, present, test=client.kind == TEST)
    reader.finish()
    client.registered = metadata.stored()
    client.changed_at = now
    audit.record(session, at=now, action="platform.keys_changed", actor=person_id, subject=client_id)


def own_client(session: Session, client_id: str, person_id: UUID, *, lock: bool = False) -> Client:
    """Return a platform or a test client of the person.

    Raises:
        NotFoundError: There is none, it is somebody else's, or it was ended.
    """
    client = clients.client(session, client_id, lock=lock)
    known = client is not None and client.registered_by == person_id and client.kind in (PLATFORM, TEST)
    if client is None or not known or (client.kind == TEST and client.state == REMOVED):
        raise NotFoundError("there is no such client")
    return client


def _changeable(session: Session, client_id: str, person_id: UUID) -> Client:
    client = own_client(session, client_id, person_id, lock=True)
    if client.state in (BLOCKED, REMOVED):
        raise BlockedError("the platform is blocked")
    return client
