"""Sign the tree's head, have it cosigned, and publish it when the quorum is complete.

The order is what makes it safe to end anywhere: tiles are on the disk, then the signed
checkpoint is stored, then witnesses see it, then it is published in the database, then as
the file. A checkpoint without its quorum waits; a later one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import structlog

from ledger import store
from ledger.errors import (
    ForkedLogError,
    LogRolledBackError,
    LostRaceError,
    TamperedTilesError,
    WitnessConflictError,
    WitnessError,
    WitnessForkError,
)
from ledger.formats.checkpoint import Checkpoint, Organisation, Signed, open_checkpoint, signature_by
from ledger.formats.merkle import TreeHead
from ledger.formats.note import Note, Signature, parse_note
from ledger.formats.vkey import VerifierKey, kind_of
from ledger.log import ALGS, PURPOSE, LogServices, verifier_keys
from ledger.publication.continuity import current_head
from ledger.witnessing import Tree, Witness, ask

WAIT_SECONDS: Final = 12.0
"""Nobody is waited for any longer; the next turn asks again."""
GRACE_SECONDS: Final = 2.0
"""How long those who are late are waited for once the quorum is complete."""

logger = structlog.get_logger()


class _Answer(NamedTuple):
    """What a witness said: its lines, or why there are none."""

    organisation: str
    lines: tuple[Signature, ...]
    error: WitnessError | None


def run_once(log: LogServices) -> int:
    """Bring the tree's head one step towards being published; return 1 if it was, else 0.

    Raises:
        LogRolledBackError: The database or the tiles are older than what was published or cosigned.
        TamperedTilesError: The tiles do not lead to a root that was signed.
    """
    head = current_head(log)
    _write_published(log)
    if head.published_size == head.integrated.tree_size:
        return 0
    signed = _signed(log, head.integrated)
    signed = _cosigned(log, signed, known_size=head.published_size)
    if len(log.policy.times(signed.note)) < log.policy.quorum:
        with log.database.write() as session:
            store.update_waiting(session, head.integrated.tree_size, str(signed.note), shard=log.shard)
        return 0
    try:
        _publish(log, head.published_size, signed)
    except LostRaceError:  # Another publisher was faster: with this tree, or with a larger one.
        return 0
    _write_published(log)
    log.tiles.prune(head.published_size, head.integrated.tree_size)
    return 1


def _signed(log: LogServices, head: TreeHead) -> Signed:
    """Return the stored checkpoint of `head`, signed and stored now if there was none."""
    if log.tiles.head(head.tree_size) != head:
        raise TamperedTilesError(f"the tiles do not lead to the root of {head.tree_size} entries")
    with log.database.read() as session:
        row = store.checkpoint(session, head.tree_size, shard=log.shard)
        before = store.latest_checkpoint(session, before=head.tree_size, shard=log.shard)
    if row is None:
        # Whatever was signed before must be a prefix of what is signed now.
        if before and log.tiles.head(before.tree_size).root_hash != before.root_hash:
            raise TamperedTilesError(f"the tree does not extend the checkpoint of {before.tree_size} entries")
        note = _sign(log, Checkpoint(log.origin, head))
        with log.database.write() as session:
            store.add_checkpoint(session, head, str(note), log.clock.now(), shard=log.shard)
            row = store.checkpoint(session, head.tree_size, shard=log.shard)
    if row is None or row.root_hash != head.root_hash:
        raise LogRolledBackError(f"another checkpoint of {head.tree_size} entries was signed before")
    return open_checkpoint(row.note, origin=log.origin, keys=verifier_keys(log.signer, log.origin))


def _sign(log: LogServices, checkpoint: Checkpoint) -> Note:
    text = str(checkpoint)
    lines: list[Signature] = []
    for alg in ALGS:
        public = log.signer.active_key(PURPOSE, log.origin, alg)
        key = VerifierKey(log.origin, kind_of(alg, timestamped=False), public)
        (value,) = log.signer.sign_many(PURPOSE, log.origin, alg, [text.encode()])
        key.verify(text, value)  # A key that was rotated in between shows here, not at a verifier.
        lines.append(signature_by(key, value))
    return Note(text, tuple(lines))


def _cosigned(log: LogServices, signed: Signed, *, known_size: int) -> Signed:
    """Ask those witnesses whose cosignature is missing, all at once; return what came in."""
    have = log.policy.times(signed.note)
    organisations = {one.name: one for one in log.policy.organisations if one.name not in have}
    size = signed.checkpoint.head.tree_size
    tree = Tree(log.tiles.hash, log.tiles.nodes(size), size)
    asked = partial(_asked, log, signed, tree, known_size, _published_note(log, known_size))
    questions = {
        id(witness): partial(asked, witness, organisations[witness.organisation])
        for witness in log.witnesses
        if witness.organisation in organisations
    }

    def _enough(answers: Sequence[_Answer]) -> bool:
        return len(log.policy.times(_with(signed.note, answers))) >= log.policy.quorum

    answers = log.gatherer.gather(questions, _enough, wait=WAIT_SECONDS, grace=GRACE_SECONDS)
    note = _with(signed.note, answers)
    if not _enough(answers):
        _refuse_if_behind(log, answers)
        _refuse_if_forked(log, answers)
    return signed._replace(note=note)


def _published_note(log: LogServices, size: int) -> Note | None:
    """Return the checkpoint that was published last."""
    with log.database.read() as session:
        row = store.checkpoint(session, size, shard=log.shard) if size else None
    return None if row is None else parse_note(row.note)


def _with(note: Note, answers: Sequence[_Answer]) -> Note:
    return note.signed(line for one in answers for line in one.lines)


def _asked(
    log: LogServices,
    signed: Signed,
    tree: Tree,
    known_size: int,
    published: Note | None,
    witness: Witness,
    organisation: Organisation,
) -> _Answer:
    try:
        lines = ask(
            witness, organisation, signed, tree, known_size=known_size, now=log.clock.now(), published=published
        )
    except WitnessError as error:
        if log.complaints.get(witness.organisation) != error.code:  # Once, not at each turn until it is back.
            logger.warning("witness_failed", witness=witness.organisation, code=error.code, detail=str(error))
        log.complaints[witness.organisation] = error.code
        return _Answer(witness.organisation, (), error)
    if log.complaints.pop(witness.organisation, None) is not None:
        logger.info("witness_back", witness=witness.organisation)
    return _Answer(witness.organisation, lines, None)


def _refuse_if_behind(log: LogServices, answers: Sequence[_Answer]) -> None:
    """Tell a witness that is ahead because the log was rolled back from one that another publisher asked."""
    current = current_head(log).integrated.tree_size
    for conflict in (one.error for one in answers if isinstance(one.error, WitnessConflictError)):
        if conflict.tree_size > current:
            raise LogRolledBackError(
                f"a witness has cosigned {conflict.tree_size} entries of this log, and there are {current} here: "
                "database and files are older than the log. Nothing is published, so that the log does not fork. "
                "Bring back both as they were last; if they are lost, found a new log",
                published=conflict.tree_size,
                known=current,
            )


def _refuse_if_forked(log: LogServices, answers: Sequence[_Answer]) -> None:
    """Stop where so many witnesses know another history that the quorum cannot come about."""
    against = sorted({one.organisation for one in answers if isinstance(one.error, WitnessForkError)})
    if against and len(log.policy.organisations) - len(against) < log.policy.quorum:
        raise ForkedLogError(
            f"{', '.join(against)} cosigned another history of {log.origin} than the one that is here. Nothing is "
            "published. Database and files are of another log, or were restored and went on: bring back both as they "
            "were last; if they are lost, found a new log",
            origin=log.origin,
        )


def _publish(log: LogServices, old_size: int, signed: Signed) -> None:
    size = signed.checkpoint.head.tree_size
    with log.database.write() as session:
        moved = store.move_published(session, old_size, size, shard=log.shard)
        note, now = str(signed.note), log.clock.now()
        if not moved or not store.publish_checkpoint(session, size, note, now, shard=log.shard):
            raise LostRaceError("another checkpoint was published meanwhile")


def _write_published(log: LogServices) -> None:
    """Bring the file up to the database: it lags where a process ended between the two."""
    with log.database.read() as session:
        latest = store.latest_published(session, 1, shard=log.shard)
    if latest:
        log.tiles.write_checkpoint(latest[0].note)
