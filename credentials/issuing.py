"""The worker that issues approved batches: sign a chunk outside any transaction, then store it.

Each turn takes a few hundred rows of one batch, a hundred in each call of the signer. A row
becomes one credential only: its id was given at the dry run, its state moves from good to issued
in the transaction that stores the credential and queues its log entry. Killed anywhere, the next
turn does what is left.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from credentials import batch_store, status_lists, store
from credentials.directory import School
from credentials.document import Document, StatusReference, compose, jti_of
from credentials.dry_run import claims_of, issuing_school
from credentials.errors import CredentialError, SignatureSampleError
from credentials.indices import award_index, number_index
from credentials.issuance import suites_of
from credentials.models import Batch, BatchRow, StatusList
from credentials.patience import write_patiently
from credentials.ports import CredentialServices
from credentials.signing import Approved, sign_documents
from credentials.types import type_of
from crypto.approvals import Approval
from crypto.errors import SigningRefusedError
from ledger.formats.commitment import CREDENTIAL, commit
from ledger.formats.entry import Entry, EntryType

CHUNK: Final = 100
CHUNKS: Final = 4
STORED_AT_ONCE: Final = 50
_LATER: Final = frozenset({"rate", "key", "batches"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Drafted:
    """A row on its way: what was staged for it, and the document made of it."""

    row: int
    credential_id: UUID
    person_id: UUID
    claims: Mapping[str, Any]
    document: Document
    index: int


def run_once(by: CredentialServices) -> int:
    """Take one step with the batch approved first; return 0 only if there is nothing to do for the moment.

    Raises:
        SignerUnavailableError: The signer does not answer; the next turn tries again.
        SignatureSampleError: An answer of the signer is wrong; the batch is stopped.
    """
    with by.database.read() as session:
        batch = batch_store.next_approved(session)
        if batch is None:
            return 0
        rows = batch_store.rows_in_state(session, batch.id, "good", limit=CHUNK * CHUNKS)
        suites = suites_of(session, batch.issuer_code)
    if not rows:
        now = by.clock.now()
        write_patiently(by.database, lambda session: batch_store.finish(session, batch.id, now))
        log.info("batch_issued", batch=str(batch.id), issued=batch.issued, clashed=batch.clashed)
        return 1
    try:
        return _issue(by, batch, rows, suites=suites)
    except (SigningRefusedError, CredentialError) as error:
        stopped = _stop(by, batch, error)
        if isinstance(error, SignatureSampleError):
            raise
        return stopped


@dataclass(frozen=True, slots=True)
class _Turn:
    """What all rows of a turn have in common."""

    by: CredentialServices
    batch: Batch
    school: School
    status_list: StatusList
    suites: Collection[str]
    now: datetime


def _issue(by: CredentialServices, batch: Batch, rows: Sequence[BatchRow], *, suites: Collection[str]) -> int:
    """Draft, sign and store `rows`; while the signer signs one chunk, the next is drafted and the last stored."""
    now = by.clock.now()
    school = issuing_school(by, batch.issuer_code, type_of(batch.vct))
    status_list, indices = status_lists.allocate(by, school.province, len(rows))
    turn = _Turn(by, batch, school, status_list, suites, now)
    write_patiently(by.database, lambda session: batch_store.start(session, batch.id, now))
    approved = _approved(by, batch)
    done = 0
    waiting: tuple[list[Drafted], Future[list[dict[str, str]]]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="issuing") as pool:
        for at in range(0, len(rows), CHUNK):
            chunk = slice(at, at + CHUNK)
            drafts = _draft(turn, rows[chunk], indices[chunk])
            signing = pool.submit(sign_documents, by, [draft.document for draft in drafts], approved=approved)
            if waiting is not None:
                done += _store_signed(turn, waiting[0], waiting[1].result())
            waiting = (drafts, signing)
        if waiting is not None:
            done += _store_signed(turn, waiting[0], waiting[1].result())
    return done


def _approved(by: CredentialServices, batch: Batch) -> Approved:
    def item_ids() -> list[str]:
        with by.database.read() as session:
            return [jti_of(id_) for id_ in batch_store.credential_ids(session, batch.id)]

    return Approved(Approval.from_dict(batch.approval or {}), item_ids)


def _draft(turn: _Turn, rows: Sequence[BatchRow], indices: Sequence[int]) -> list[Drafted]:
    by, batch = turn.by, turn.batch
    issuer, type_ = by.addresses.school(turn.school.code), type_of(batch.vct)
    drafts = []
    for row, index in zip(rows, indices, strict=True):
        if row.credential_id is None or row.person_id is None:
            raise CredentialError("a good row has no person")
        claims = claims_of(by, batch, row)
        document = compose(
            type_,
            claims,
            issuer=issuer,
            credential_id=row.credential_id,
            day=turn.now.date(),
            status=StatusReference(turn.status_list.uri, index),
            suites=turn.suites,
        )
        drafts.append(Drafted(row.row, row.credential_id, row.person_id, claims, document, index))
    return drafts


def _store_signed(turn: _Turn, drafts: Sequence[Drafted], tokens: Sequence[Mapping[str, str]]) -> int:
    parts = [slice(at, at + STORED_AT_ONCE) for at in range(0, len(drafts), STORED_AT_ONCE)]
    return sum(_store(turn, drafts[part], tokens[part]) for part in parts)


def _store(turn: _Turn, drafts: Sequence[Drafted], tokens: Sequence[Mapping[str, str]]) -> int:
    by, batch, code = turn.by, turn.batch, turn.school.code
    with by.database.read() as session:
        keys = store.holder_keys(session, {draft.person_id for draft in drafts})
    fresh = {draft.person_id: by.vault.new_key(draft.person_id) for draft in drafts if draft.person_id not in keys}
    keys |= fresh
    now = by.clock.now()
    values = [
        {
            **credential_values(by, draft, token, key=keys[draft.person_id], issuer_code=code, vct=batch.vct),
            "batch_id": batch.id,
            "row": draft.row,
            "status_list_id": turn.status_list.id,
            "status_index": draft.index,
            "issued_at": now,
        }
        for draft, token in zip(drafts, tokens, strict=True)
    ]
    entries = [Entry(EntryType.CREDENTIAL, code, value["commitment"]) for value in values]

    def _write(session: Session) -> int:
        taken = batch_store.take_rows(session, batch.id, [draft.row for draft in drafts], state="issued")
        if taken != len(drafts):
            raise _RacedError  # Another worker stored some of these: everything here is rolled back.
        store.insert_holder_keys(session, fresh)
        store.insert_credentials(session, values)
        by.log.submit_many(session, entries)
        status_lists.count(session, turn.status_list.id, len(drafts))
        batch_store.count_issued(session, batch.id, issued=len(drafts))
        return len(drafts)

    try:
        return write_patiently(by.database, _write)
    except _RacedError:
        return 0
    except IntegrityError:
        if len(drafts) == 1:
            return _settle(by, batch, turn.school, drafts[0])
        halves = [slice(0, len(drafts) // 2), slice(len(drafts) // 2, None)]
        return sum(_store(turn, drafts[half], tokens[half]) for half in halves)


def credential_values(
    by: CredentialServices, draft: Drafted, token: Mapping[str, str], *, key: bytes, issuer_code: str, vct: str
) -> dict[str, Any]:
    """Return the columns of a credential that follow from its document and tokens."""
    place = {"table": "cred_credential", "column": "disclosures", "row": str(draft.credential_id)}
    disclosures = json.dumps(draft.document.disclosures, separators=(",", ":"))
    return {
        "id": draft.credential_id,
        "vct": vct,
        "issuer_code": issuer_code,
        "person_id": draft.person_id,
        "number_index": number_index(by.blind, vct, issuer_code, draft.claims["certificate_number"]),
        "award_index": award_index(by.blind, vct, issuer_code, draft.person_id, draft.claims),
        "gm": token.get("gm"),
        "intl": token.get("intl"),
        "disclosures": by.vault.encrypt(key, draft.person_id, disclosures, **place),
        "commitment": commit(CREDENTIAL, issuer_code, token),
        "status": 0,
    }


def _settle(by: CredentialServices, batch: Batch, school: School, draft: Drafted) -> int:
    """Decide about the one row that a unique index refused; return 1 if it is settled."""
    number = number_index(by.blind, batch.vct, school.code, draft.claims["certificate_number"])
    award = award_index(by.blind, batch.vct, school.code, draft.person_id, draft.claims)
    with by.database.read() as session:
        taken = store.taken_numbers(session, [number]) or store.taken_awards(session, [award])
    if not taken:
        return 0  # A status index or a holder key that somebody else took: the next turn draws again.

    def _clash(session: Session) -> int:
        clashed = batch_store.take_rows(session, batch.id, [draft.row], state="clashed")
        batch_store.count_issued(session, batch.id, issued=0, clashed=clashed)
        return clashed

    return write_patiently(by.database, _clash)


def _stop(by: CredentialServices, batch: Batch, error: SigningRefusedError | CredentialError) -> int:
    """Hand a batch back to its registrar and return 1, unless waiting will do."""
    reason = error.reason if isinstance(error, SigningRefusedError) else error.code
    log.warning("batch_not_signed", batch=str(batch.id), reason=reason)
    if reason in _LATER:
        return 0
    write_patiently(by.database, lambda session: batch_store.stop(session, batch.id, reason))
    return 1


class _RacedError(Exception):
    """Rows were taken by another worker between reading and storing."""
