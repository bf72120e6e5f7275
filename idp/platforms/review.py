"""What officers decide on platforms: approve, refuse, block, remove, open again. Each is recorded with its reason.

A decision takes the platform's row first, so that two officers take turns: the second one is
told that somebody was faster. Callers make their process forget the platform afterwards
(`ClientCache.forget`); others look again after ten seconds at the latest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.registration import PLATFORM, accepted
from idp.oauth.models import Client
from idp.oauth.pairwise import sector_of
from idp.oauth.scopes import OPENID, scope_text
from idp.oauth.stores import clients
from idp.platforms import store
from idp.platforms.errors import (
    BlockedError,
    DecidedAlreadyError,
    MinorsNotConfirmedError,
    OwnFilingError,
    ReasonMissingError,
    ScopesWidenedError,
    TooLongError,
    ValidUntilError,
)
from idp.platforms.models import PlatformDecision, PlatformFiling
from idp.platforms.reach import check_within
from idp.platforms.states import ACTIVE, APPROVED, BLOCKED, OPENED, PENDING, REFUSED, REMOVED, WAITING
from idp.platforms.technical import keys_of, narrowed, with_keys
from kernel import audit
from kernel.errors import NotFoundError
from kernel.pages import ZONE

LONGEST: Final = timedelta(days=365)
REASON_LENGTH: Final = 300
END_OF_DAY: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """An officer, and the authority that they are an officer of."""

    person_id: UUID
    authority: str


def approve(  # noqa: PLR0913 - the fields of a decision, all by name
    session: Session,
    client_id: str,
    filing_id: UUID,
    *,
    scopes: Collection[str],
    valid_until: date,
    minors_confirmed: bool,
    reviewer: Reviewer,
    now: datetime,
) -> None:
    """Approve a filing with all or some of its scopes: from now on it is what is in force.

    Where scopes that were in force fall away, or people consented to another owner or purpose, the
    platform's tokens end: they would go on telling.

    Raises:
        NotFoundError: There is no such platform in the officer's part of the tree.
        DecidedAlreadyError: It does not wait any more.
        OwnFilingError: The officer filed it.
        BlockedError: The platform is blocked.
        ScopesWidenedError, ValidUntilError, MinorsNotConfirmedError: The decision breaks a rule.
        InvalidClientMetadataError: The metadata break a rule of registration by now.
    """
    client, filing = _waiting(session, client_id, filing_id, reviewer)
    if client.state in (BLOCKED, REMOVED):
        raise BlockedError("the platform is blocked")
    wished = ClientMetadata.model_validate(filing.wished)
    scope = scope_text({*scopes, OPENID})
    if set(scopes) - set(wished.scope.split()):
        raise ScopesWidenedError("more than was asked for")
    today = now.astimezone(ZONE).date()
    if not today < valid_until <= today + LONGEST:
        raise ValidUntilError("a year at most", last=(today + LONGEST).isoformat())
    if filing.minors and not minors_confirmed:
        raise MinorsNotConfirmedError("minors are among the users")
    _put_in_force(session, client, filing, narrowed(wished, scope), now)
    client.expires_at = filing.valid_until = datetime.combine(valid_until, END_OF_DAY, ZONE)
    filing.state, filing.scope, filing.decided_at = APPROVED, scope, now
    session.flush()
    store.replace(session, client_id, APPROVED, but=filing.id)
    _record(session, client_id, filing, APPROVED, "", reviewer, now, scope=scope)


def refuse(
    session: Session, client_id: str, filing_id: UUID, *, reason: str, reviewer: Reviewer, now: datetime
) -> None:
    """Refuse a filing; what is in force stays so.

    Raises:
        NotFoundError, DecidedAlreadyError, OwnFilingError: As for an approval.
        ReasonMissingError, TooLongError: It is not said why, or at too great length.
    """
    client, filing = _waiting(session, client_id, filing_id, reviewer)
    filing.state, filing.reason, filing.decided_at = REFUSED, _reason(reason), now
    if client.state == PENDING:
        client.state = REFUSED
    _record(session, client_id, filing, REFUSED, filing.reason, reviewer, now)


def block(
    session: Session, client_id: str, *, reason: str, remove: bool = False, reviewer: Reviewer, now: datetime
) -> None:
    """Block a platform at once: its tokens end, and it gets no new ones. `remove` is for good.

    After a removal its owner may file nothing for six months.

    Raises:
        NotFoundError: There is no such platform in the officer's part of the tree.
        DecidedAlreadyError: It is blocked, or removed, already.
        ReasonMissingError, TooLongError: As for a refusal.
    """
    client, filing = _platform(session, client_id, reviewer)
    if client.state == REMOVED or (client.state == BLOCKED and not remove):
        raise DecidedAlreadyError("it is blocked already")
    why = _reason(reason)
    client.state, client.changed_at = (REMOVED if remove else BLOCKED), now
    if remove and filing.state == WAITING:
        filing.state, filing.reason, filing.decided_at = REFUSED, why, now
    store.end_tokens(session, client_id, now)
    _record(session, client_id, filing, client.state, why, reviewer, now)


def unblock(session: Session, client_id: str, *, reason: str, reviewer: Reviewer, now: datetime) -> None:
    """Serve a blocked platform again, as it was approved; people sign in there anew.

    Raises:
        NotFoundError: There is no such platform in the officer's part of the tree.
        DecidedAlreadyError: It is not blocked, or removed for good.
        OwnFilingError: The officer filed it.
        ReasonMissingError, TooLongError: As for a refusal.
    """
    client, filing = _platform(session, client_id, reviewer)
    _not_own(client, filing, reviewer)
    if client.state != BLOCKED:
        raise DecidedAlreadyError("it is not blocked")
    why = _reason(reason)
    if store.in_force(session, client_id) is not None:
        client.state = ACTIVE
    else:
        client.state = REFUSED if filing.state == REFUSED else PENDING
    client.changed_at = now
    # What a process gave out before it heard of the block must not come to life again.
    store.end_tokens(session, client_id, now)
    _record(session, client_id, filing, OPENED, why, reviewer, now)


def _put_in_force(
    session: Session, client: Client, filing: PlatformFiling, wished: ClientMetadata, now: datetime
) -> None:
    present = ClientMetadata.model_validate(client.registered)
    metadata = accepted(with_keys(wished, keys_of(present)))
    before = store.in_force(session, client.client_id)
    if before is None:
        client.sector = sector_of(client.client_id, metadata.redirect_uris) or client.sector
    elif _is_another_matter(before, filing) or set(present.scope.split()) - set(metadata.scope.split()):
        store.end_tokens(session, client.client_id, now)
    # The sector of what was approved once stays: the names by which people are known hang on it (OIDC Core §8.1).
    client.name, client.name_en, client.owner = filing.name, filing.name_en, filing.owner_name
    client.purpose, client.home = filing.purpose, filing.home
    client.registered = metadata.stored()
    client.state, client.changed_at = ACTIVE, now


def _is_another_matter(before: PlatformFiling, after: PlatformFiling) -> bool:
    """Whether what was granted before was for another owner or purpose, or by minors who may not come any more."""
    granted = (before.owner_code, before.owner_name, before.purpose)
    return granted != (after.owner_code, after.owner_name, after.purpose) or (before.minors and not after.minors)


def _waiting(session: Session, client_id: str, filing_id: UUID, reviewer: Reviewer) -> tuple[Client, PlatformFiling]:
    client, filing = _platform(session, client_id, reviewer)
    _not_own(client, filing, reviewer)
    if filing.id != filing_id or filing.state != WAITING:
        raise DecidedAlreadyError("somebody was faster")
    return client, filing


def _platform(session: Session, client_id: str, reviewer: Reviewer) -> tuple[Client, PlatformFiling]:
    client = clients.client(session, client_id, lock=True)
    filing = check_within(session, store.latest(session, client_id), officer_of=reviewer.authority)
    if client is None or client.kind != PLATFORM:
        raise NotFoundError("there is no such platform")
    return client, filing


def _not_own(client: Client, filing: PlatformFiling, reviewer: Reviewer) -> None:
    if reviewer.person_id in (client.registered_by, filing.filed_by):
        raise OwnFilingError("nobody decides on what they filed")


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise ReasonMissingError("a reason is needed")
    if len(reason) > REASON_LENGTH:
        raise TooLongError("the reason is too long", limit=REASON_LENGTH)
    return reason


def _record(  # noqa: PLR0913 - the columns of a decision
    session: Session,
    client_id: str,
    filing: PlatformFiling,
    kind: str,
    reason: str,
    reviewer: Reviewer,
    now: datetime,
    *,
    scope: str | None = None,
) -> None:
    session.add(
        PlatformDecision(
            client_id=client_id,
            filing_id=filing.id,
            owner_code=filing.owner_code,
            kind=kind,
            reason=reason,
            scope=scope,
            by=reviewer.person_id,
            authority=reviewer.authority,
            at=now,
        )
    )
    audit.record(
        session,
        at=now,
        action=f"platform.{kind}",
        actor=reviewer.person_id,
        subject=client_id,
        organisation=reviewer.authority,
        reason=reason,
        number=filing.number,
        **({"scope": scope} if scope else {}),
    )
