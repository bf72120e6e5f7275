"""File a platform, and file it again: changed, to be renewed, or after a refusal.

The first filing makes the platform's row, which is not served before an officer approves. A
later one waits beside what is in force and changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.directory.models import Organisation
from idp.keyed import Keyed
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.registration import PLATFORM, ClientRegistration, check_names, register_client
from idp.oauth.models import Client
from idp.oauth.stores import clients
from idp.platforms import store
from idp.platforms.draft import FilingDraft, typed_draft
from idp.platforms.errors import (
    BlockedError,
    FormRefusedError,
    RefileTooSoonError,
    SchoolNotRegisteredError,
    TooManyFilingsError,
)
from idp.platforms.models import PlatformDecision, PlatformFiling
from idp.platforms.reach import place_of
from idp.platforms.states import BLOCKED, FILED, PENDING, REFUSED, REMOVED, WAITING
from idp.platforms.technical import keys_of, with_keys
from kernel import audit
from kernel.errors import NotFoundError
from kernel.pages import ZONE

MOST_WAITING: Final = 10
REFILE_AFTER: Final = timedelta(days=183)
"""Six months (教育移动互联网应用程序备案管理办法: 涉事单位 6 个月内不得再提交备案申请)."""


def file_platform(session: Session, draft: FilingDraft, *, person_id: UUID, keyed: Keyed, now: datetime) -> str:
    """File a new platform; return its client_id. It is served once it is approved.

    Raises:
        FormRefusedError: A field is wrong.
        RefileTooSoonError: A platform of the owner was removed less than six months ago.
        TooManyFilingsError: The person has enough filings that wait.
        InvalidClientMetadataError: The metadata break a rule of registration.
    """
    place = _may_file(session, draft, person_id, now)
    if store.waiting_of(session, person_id) >= MOST_WAITING:
        raise TooManyFilingsError("too many filings wait", limit=MOST_WAITING)
    registration = replace(
        _named(draft), kind=PLATFORM, state=PENDING, registered_by=person_id, metadata=draft.metadata
    )
    # Its secret is nobody's: the developer asks for one on the console, where it is shown.
    client_id = register_client(session, registration, keyed=keyed, now=now).client_id
    session.flush()
    _add(session, client_id, 1, draft, place=place, person_id=person_id, now=now)
    return client_id


def file_again(session: Session, client_id: str, draft: FilingDraft, *, person_id: UUID, now: datetime) -> None:
    """File a new version of a platform. One that still waits is replaced; what is in force stays so.

    Keys that are given count at once, as they do on the console.

    Raises:
        NotFoundError: The person has no such platform.
        BlockedError: It is blocked or removed.
        FormRefusedError, RefileTooSoonError, InvalidClientMetadataError: As for a new one.
    """
    client = own_platform(session, client_id, person_id, lock=True)
    if client.state in (BLOCKED, REMOVED):
        raise BlockedError("the platform is blocked")
    place = _may_file(session, draft, person_id, now)
    before = store.latest(session, client_id)
    number = 1 if before is None else before.number + 1
    if before is not None:
        before.latest = False
    store.replace(session, client_id, WAITING)
    if client.state == REFUSED:
        client.state = PENDING
    check_names(_named(draft))
    keys = keys_of(draft.metadata)
    if keys:
        client.registered = with_keys(ClientMetadata.model_validate(client.registered), keys).stored()
        client.changed_at = now
    session.flush()
    _add(session, client_id, number, draft, place=place, person_id=person_id, now=now)


def own_platform(session: Session, client_id: str, person_id: UUID, *, lock: bool = False) -> Client:
    """Return a platform of the person.

    Raises:
        NotFoundError: There is none, or it is somebody else's.
    """
    client = clients.client(session, client_id, lock=lock)
    if client is None or client.registered_by != person_id or client.kind != PLATFORM:
        raise NotFoundError("there is no such platform")
    return client


def typed_again(filing: PlatformFiling, client: Client) -> dict[str, list[str]]:
    """Return a filing as the fields of the form, with the platform's keys of today."""
    wished = ClientMetadata.model_validate(filing.wished)
    keys = keys_of(ClientMetadata.model_validate(client.registered))
    columns: Mapping[str, Any] = {
        column.key: getattr(filing, column.key) for column in PlatformFiling.__table__.columns
    }
    return typed_draft(columns, with_keys(wished, keys))


def _named(draft: FilingDraft) -> ClientRegistration:
    """Return what people will read."""
    return ClientRegistration(
        name=draft.name, name_en=draft.name_en, owner=draft.owner_name, purpose=draft.purpose, home=draft.home
    )


def _may_file(session: Session, draft: FilingDraft, person_id: UUID, now: datetime) -> Organisation | None:
    store.lock_person(session, person_id)
    removed = store.last_removal(session, draft.owner_code)
    if removed is not None and now < removed + REFILE_AFTER:
        until = (removed + REFILE_AFTER).astimezone(ZONE).date().isoformat()
        raise RefileTooSoonError(f"not before {until}", until=until)
    try:
        return place_of(session, draft.owner_code)
    except SchoolNotRegisteredError as error:
        raise FormRefusedError({"owner_code": error}) from error


def _add(
    session: Session,
    client_id: str,
    number: int,
    draft: FilingDraft,
    *,
    place: Organisation | None,
    person_id: UUID,
    now: datetime,
) -> None:
    filing = PlatformFiling(
        client_id=client_id,
        number=number,
        latest=True,
        state=WAITING,
        name=draft.name,
        name_en=draft.name_en or draft.name,
        owner_code=draft.owner_code,
        owner_name=draft.owner_name,
        place_id=None if place is None else place.id,
        home=draft.home,
        icp=draft.icp,
        protection_level=draft.protection_level,
        protection_number=draft.protection_number,
        app_number=draft.app_number,
        roles=list(draft.roles),
        minors=draft.minors,
        purpose=draft.purpose,
        needs=dict(draft.needs),
        retention_days=draft.retention_days,
        assessed_on=draft.assessed_on,
        contact=draft.contact,
        wished=with_keys(draft.metadata, {}).stored(),
        filed_by=person_id,
        filed_at=now,
    )
    session.add(filing)
    session.flush()
    session.add(
        PlatformDecision(
            client_id=client_id, filing_id=filing.id, owner_code=draft.owner_code, kind=FILED, by=person_id, at=now
        )
    )
    audit.record(session, at=now, action="platform.file", actor=person_id, subject=client_id, number=number)
