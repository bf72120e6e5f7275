"""Credentials, batches and shares as pages show them: words instead of codes, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import bundles, store
from credentials.graduates import Problem, title_of
from credentials.models import Batch, Credential, Share, StatusStatement
from credentials.ports import CredentialServices
from credentials.reasons import REASONS
from credentials.share_lookup import TRIES
from credentials.types import type_of
from credentials.types.credential_type import CredentialType
from kernel.pages import Pages
from ledger.bundles import State, publication


@dataclass(frozen=True, slots=True)
class Line:
    """One field: its name, its heading, its value in words."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A credential as a certificate-like card."""

    id: UUID
    type: CredentialType
    school_code: str
    school_name: str
    status: int
    issued_at: datetime
    superseded_by: UUID | None
    claims: Mapping[str, Any]
    lines: Sequence[Line]
    published: bool
    ready_at: datetime

    @property
    def headline(self) -> str:
        """What was studied, the line that tells two diplomas apart."""
        return str(self.claims.get("major", ""))

    def line(self, name: str) -> Line | None:
        """Return one line by the name of its field."""
        return next((line for line in self.lines if line.name == name), None)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is: counts, credentials a second, seconds left."""

    total: int
    done: int
    rate: float
    seconds_left: int | None

    @property
    def percent(self) -> int:
        """Whole percent, 100 only when all is done."""
        return 100 if self.total == 0 else self.done * 100 // self.total


def cards(session: Session, credentials: Sequence[Credential], *, by: CredentialServices, language: str) -> list[Card]:
    """Open credentials for their holder or their school."""
    states = publication(session, [credential.commitment for credential in credentials])
    return [
        card(session, credential, by=by, language=language, published=_published(states.get(credential.commitment)))
        for credential in credentials
    ]


def card(session: Session, credential: Credential, *, by: CredentialServices, language: str, published: bool) -> Card:
    """Open one credential."""
    type_ = type_of(credential.vct)
    claims: dict[str, Any] = {}
    if store.holder_keys(session, [credential.person_id]):
        claims = bundles.claims_of(bundles.disclosures_of(session, credential, by=by))
    school = by.directory.school(credential.issuer_code)
    registered = "" if school is None else (school.name_en or school.name) if language == "en" else school.name
    return Card(
        id=credential.id,
        type=type_,
        school_code=credential.issuer_code,
        school_name=registered,
        status=credential.status,
        issued_at=credential.issued_at,
        superseded_by=credential.superseded_by,
        claims=claims,
        lines=lines(type_, claims, language),
        published=published,
        ready_at=bundles.ready_at(credential, by),
    )


def lines(type_: CredentialType, claims: Mapping[str, Any], language: str) -> list[Line]:
    """Return the fields that are there, in the type's order."""
    return [
        Line(field.name, field.title(language), field.show(claims[field.name], language))
        for field in type_.fields
        if field.name in claims
    ]


def progress(batch: Batch, now: datetime) -> Progress:
    """Return how far a batch is, and when it should be done."""
    done = batch.issued + batch.clashed
    end = batch.finished_at or now
    seconds = (end - batch.started_at).total_seconds() if batch.started_at else 0.0
    rate = done / seconds if seconds > 0 else 0.0
    left = batch.good - done
    return Progress(batch.good, done, rate, round(left / rate) if rate and left else None)


def sentence(pages: Pages, language: str, problem: Problem) -> str:
    """Return what is wrong with a row, in words: "证书编号：前五位应为 10459，实为 10460"."""
    text = pages.translate(language, f"error.row.{problem.code}")
    text = text % problem.params if problem.params else text
    if not problem.column:
        return text
    form = pages.translate(language, "error.row.in_column")
    return form % {"column": column_title(pages, language, problem.column), "problem": text}


def column_title(pages: Pages, language: str, column: str) -> str:
    """Return a column's heading in the reader's language."""
    return pages.translate(language, title_of(column))


def trouble(pages: Pages, language: str, code: str) -> str:
    """Return in words why a batch was handed back."""
    key = f"error.trouble.{code}"
    text = pages.translate(language, key)
    return pages.translate(language, "error.trouble.other") if text == key else text


def reason_text(statement: StatusStatement, language: str) -> str:
    """Return the reason of a change of status in words."""
    reason = REASONS.get(statement.reason)
    if reason is None:
        return statement.reason
    return reason.en if language == "en" else reason.zh


def share_state(share: Share, now: datetime) -> str:
    """Return `open`, `expired`, `withdrawn` or `locked`."""
    if share.withdrawn_at is not None:
        return "withdrawn"
    if share.expires_at is not None and share.expires_at <= now:
        return "expired"
    return "locked" if share.pin is not None and share.pin_failures >= TRIES else "open"


def verifier_host(by: CredentialServices) -> str:
    """Return the host that is printed in words beside a QR."""
    return urlsplit(by.addresses.base_url).netloc


def _published(found: Any) -> bool:
    return found is not None and found.state in (State.PUBLISHED, State.ANCHORED)
