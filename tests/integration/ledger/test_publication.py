"""From the queue to a published checkpoint: nothing lost, nothing twice, nothing without its quorum."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy
from structlog.testing import capture_logs

from crypto.signing import Signer
from kernel.clock import ManualClock
from kernel.db import Base, Database
from ledger import queue_store, store
from ledger.bundles import Publication, State, proof_of, proofs_of, publication
from ledger.errors import (
    ConflictingEntryError,
    ForkedLogError,
    InvalidEntryError,
    InvalidProofError,
    LogRolledBackError,
    OtherLogError,
    TamperedTilesError,
    WitnessConflictError,
)
from ledger.formats.checkpoint import open_checkpoint, parse_checkpoint
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import InclusionProof, leaf_hash, verify_inclusion
from ledger.formats.note import Note, Signature, parse_note
from ledger.formats.proof_text import AddCheckpoint
from ledger.log import LogServices, verifier_keys
from ledger.publication import cycle as publication_cycle
from ledger.publication import integration, publishing, sequencer
from ledger.storage.tiles import TileFolder
from ledger.upkeep.purge import purge
from tests.integration.ledger.world import CODE, ORIGIN, World, credential, elsewhere, make_world


def published(log: LogServices) -> int:
    text = log.tiles.read_checkpoint()
    return 0 if text is None else parse_checkpoint(parse_note(text).text).head.tree_size


def states(world: World, numbers: Sequence[int]) -> list[State | None]:
    commitments = [credential(number).commitment for number in numbers]
    with world.log.database.read() as session:
        found = publication(session, commitments)
    return [found[commitment].state if commitment in found else None for commitment in commitments]


def test_an_entry_goes_from_the_queue_to_a_proof(world: World) -> None:
    assert world.cycle() == 0
    world.submit(range(5))
    assert states(world, [0, 9]) == [State.QUEUED, None]
    assert world.proofs(range(5)) == {}
    assert sequencer.run_once(world.log) == 5
    assert states(world, [0]) == [State.SEQUENCED]
    assert integration.run_once(world.log) == 5
    assert states(world, [0]) == [State.INTEGRATED]
    assert world.proofs(range(5)) == {}
    assert publishing.run_once(world.log) == 1
    assert states(world, [0]) == [State.PUBLISHED]
    proofs = world.proofs(range(9))
    assert sorted(proofs) == [0, 1, 2, 3, 4]
    assert sorted(proof.index for proof in proofs.values()) == [0, 1, 2, 3, 4]
    for number, proof in proofs.items():
        world.check(proof, credential(number))
        assert proof.published_at == world.clock.now()
    assert world.cycle() == 0


def test_a_proof_is_under_the_first_checkpoint_that_holds_it_and_under_others_on_request(
    world: World, clock: ManualClock
) -> None:
    for step in range(3):
        world.submit(range(step * 3, step * 3 + 3))
        clock.move(timedelta(minutes=1))
        world.cycle()
    proofs = world.proofs(range(9))
    assert [proofs[number].tree_size for number in range(9)] == [3] * 3 + [6] * 3 + [9] * 3
    for number, proof in proofs.items():
        world.check(proof, credential(number))
    commitment = credential(4).commitment
    with world.log.database.read() as session:
        later = proof_of(session, world.log.tiles, commitment, tree_size=9)
        assert proof_of(session, world.log.tiles, commitment, tree_size=3) is None
        assert proof_of(session, world.log.tiles, commitment, tree_size=7) is None
        found = publication(session, [commitment])[commitment]
    assert later is not None
    assert (later.tree_size, later.index) == (9, proofs[4].index)
    world.check(later, credential(4))
    assert found == Publication(State.PUBLISHED, proofs[4].index, 6, proofs[4].published_at)


def test_t_is_the_witness_s_time_not_ours(sqlite_world: World) -> None:
    sqlite_world.submit([1])
    sqlite_world.cycle()
    proof = sqlite_world.proofs([1])[1]
    assert sqlite_world.log.policy.time(parse_note(proof.checkpoint)) == int(sqlite_world.clock.now().timestamp())


def test_submitting_again_changes_nothing(world: World) -> None:
    world.submit([1, 2, 1])
    world.submit([2, 3])
    assert sequencer.run_once(world.log) == 3
    world.submit([1, 2, 3, 4])
    assert sequencer.run_once(world.log) == 1
    world.submit([1, 2, 3, 4])
    assert world.cycle() == 5
    world.submit([1, 2, 3, 4])
    assert world.cycle() == 0
    assert len(world.proofs(range(9))) == 4


def test_an_entry_that_came_into_the_queue_again_gets_no_second_index(world: World) -> None:
    """What two transactions on PostgreSQL can do: queue what another sequences at that moment."""
    world.submit([1])
    sequencer.run_once(world.log)
    entry = credential(1)
    with world.log.database.write() as session:
        queue_store.enqueue(session, [(entry.commitment, entry.encode())], world.clock.now())
    assert sequencer.run_once(world.log) == 0
    with world.log.database.read() as session:
        assert queue_store.queued_since(session) == {}
    assert world.cycle() == 2


def test_what_is_rolled_back_with_its_credential_is_not_logged(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.log.database.write() as session:
        world.writer.submit(session, credential(1))
        raise ZeroDivisionError
    assert world.cycle() == 0


def test_a_commitment_stands_in_one_entry_only(world: World) -> None:
    world.submit([1])
    other = Entry(EntryType.CREDENTIAL, "4141010460", credential(1).commitment)
    for _ in range(2):
        with pytest.raises(ConflictingEntryError), world.log.database.write() as session:
            world.writer.submit(session, other)
        world.cycle()
    with pytest.raises(ConflictingEntryError), world.log.database.write() as session:
        world.writer.submit_many(session, [credential(2), replace(credential(2), issuer_code="4141010460")])


def test_evidence_is_public_for_all_but_credentials(world: World) -> None:
    evidence = {"gm": "a.b.c", "intl": "d.e.f"}
    entry = Entry(EntryType.ACCREDITATION, CODE, commit(ACCREDITATION, CODE, evidence))
    head = Entry(EntryType.AUDIT_HEAD, CODE, bytes(32))
    with world.log.database.write() as session:
        world.writer.submit(session, entry, evidence=evidence)
        world.writer.submit(session, entry, evidence=evidence)
        world.writer.submit(session, head, evidence={"position": 7})
    with world.log.database.read() as session:
        assert store.evidence(session, entry.commitment) == evidence
        assert store.evidence(session, head.commitment) == {"position": 7}
        assert store.evidence(session, bytes([1] * 32)) is None
    for wrong, given in (
        (entry, None),
        (entry, {}),
        (entry, {"gm": "a.b.c"}),
        (credential(1), {"name": "a person"}),
    ):
        with pytest.raises(InvalidEntryError), world.log.database.write() as session:
            world.writer.submit(session, wrong, evidence=given)


def test_indices_do_not_tell_the_order_of_coming(sqlite_world: World) -> None:
    for number in range(300):
        sqlite_world.submit([number])
    sqlite_world.cycle()
    proofs = sqlite_world.proofs(range(300))
    order = [proofs[number].index for number in range(300)]
    assert sorted(order) == list(range(300))
    assert order != sorted(order)
    # Neighbours in time are as far apart as strangers: about a third of the window on average.
    apart = sum(abs(a - b) for a, b in pairwise(order)) / 299
    assert 60 < apart < 140


def test_a_window_gathers_before_it_is_shuffled(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> None:
    world = make_world(sqlite_database, tmp_path, clock, window=timedelta(minutes=10))
    world.submit([1])
    clock.move(timedelta(minutes=9, seconds=59))
    world.submit([2])
    assert world.cycle() == 0
    clock.move(timedelta(seconds=1))
    assert sequencer.run_once(world.log) == 2
    world.close()


def test_many_chunks_in_one_run(world: World) -> None:
    with world.log.database.write() as session:
        world.writer.submit_many(session, [credential(number) for number in range(1_300)])
    assert sequencer.run_once(world.log) == 1_300
    assert integration.run_once(world.log, limit=1_000) == 1_000
    assert publishing.run_once(world.log) == 1
    assert world.cycle() == 301
    proofs = world.proofs(range(1_300))
    assert sorted(proof.index for proof in proofs.values()) == list(range(1_300))
    for number in (0, 700, 1_299):
        world.check(proofs[number], credential(number))


def test_a_witness_that_is_down_leaves_the_checkpoint_waiting(world: World) -> None:
    (wire,) = world.wires
    wire.cut = True
    world.submit([1])
    assert world.cycle() == 2
    assert states(world, [1]) == [State.INTEGRATED]
    assert published(world.log) == 0
    with world.log.database.read() as session:
        row = store.checkpoint(session, 1)
    assert row is not None
    assert row.state == store.WAITING
    assert world.cycle() == 0
    wire.cut = False
    assert world.cycle() == 1
    assert states(world, [1]) == [State.PUBLISHED]
    with world.log.database.read() as session:
        again = store.checkpoint(session, 1)
    assert again is not None
    assert parse_note(again.note).signatures[:2] == parse_note(row.note).signatures  # Not signed a second time.


def test_a_witness_that_stays_down_is_told_of_once(world: World) -> None:
    (wire,) = world.wires
    wire.cut = True
    world.submit([1])
    with capture_logs() as logged:
        for _ in range(3):
            world.cycle()
        wire.cut = False
        world.cycle()
    assert [event["event"] for event in logged if event["event"].startswith("witness")] == [
        "witness_failed",
        "witness_back",
    ]


def test_a_later_checkpoint_takes_a_waiting_one_s_place(world: World) -> None:
    (wire,) = world.wires
    wire.cut = True
    world.submit([1])
    world.cycle()
    world.submit([2])
    world.cycle()
    wire.cut = False
    assert world.cycle() == 1
    assert published(world.log) == 2
    assert world.proofs([1])[1].tree_size == 2
    with world.log.database.write() as session:
        assert store.checkpoint(session, 1) is not None
        assert purge(session, world.clock.now()) == 1
        assert purge(session, world.clock.now()) == 0
        assert store.checkpoint(session, 1) is None


def test_a_quorum_of_two_of_three(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> None:
    world = make_world(sqlite_database, tmp_path, clock, organisations="ABC", quorum=2)
    first, second, third = world.wires
    first.cut = second.cut = True
    world.submit([1])
    assert world.cycle() == 2
    assert published(world.log) == 0
    second.cut = False
    clock.move(timedelta(seconds=30))
    assert world.cycle() == 1
    note = parse_note(world.log.tiles.read_checkpoint() or "")
    now = int(clock.now().timestamp())
    assert world.log.policy.times(note) == {"B": now, "C": now - 30}
    assert world.log.policy.time(note) == now
    assert len(third.requests) == 1  # Its cosignature was kept while the others were missing.
    world.close()


def test_without_witnesses_the_log_publishes_by_itself(
    sqlite_database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    world = make_world(sqlite_database, tmp_path, clock, organisations=(), quorum=0)
    world.submit([1])
    assert world.cycle() == 3
    world.check(world.proofs([1])[1], credential(1))


def test_sha_256_is_chosen_when_the_log_is_created(
    sqlite_database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    world = make_world(sqlite_database, tmp_path, clock, hash_name="sha-256")
    world.submit(range(3))
    world.cycle()
    world.check(world.proofs([2])[2], credential(2))
    with pytest.raises(OtherLogError):
        publication_cycle.run_once(replace(world.log, tiles=TileFolder(tmp_path / "log", "sm3")))
    with pytest.raises(OtherLogError):
        publication_cycle.run_once(replace(world.log, origin="other.example/log"))
    world.close()


def test_another_tree_s_proof_is_refused(sqlite_world: World, tmp_path: Path, clock: ManualClock) -> None:
    sqlite_world.submit(range(4))
    sqlite_world.cycle()
    database = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    create_tables(database)
    other = make_world(database, tmp_path / "other", clock)
    other.submit(range(2, 9))
    other.cycle()
    ours, theirs = sqlite_world.proofs([2])[2], other.proofs([2])[2]
    keys = verifier_keys(sqlite_world.log.signer, ORIGIN)
    head = open_checkpoint(ours.checkpoint, origin=ORIGIN, keys=keys).checkpoint.head
    leaf = leaf_hash(sqlite_world.log.tiles.hash, credential(2).encode())
    with pytest.raises(InvalidProofError):
        verify_inclusion(
            sqlite_world.log.tiles.hash, leaf=leaf, proof=InclusionProof(theirs.index, theirs.path), head=head
        )
    other.close()
    database.dispose()


def create_tables(database: Database) -> None:
    Base.metadata.create_all(database.engine)


def test_tampered_tiles_give_no_proof_and_no_checkpoint(sqlite_world: World) -> None:
    world = sqlite_world
    world.submit(range(300))
    world.cycle()
    path = world.folder / "log" / "tile" / "0" / "000"
    honest = path.read_bytes()
    path.write_bytes(bytes(32) + honest[32:])
    with pytest.raises(TamperedTilesError):
        world.proofs(range(300))
    path.unlink()
    with pytest.raises(TamperedTilesError):
        world.proofs(range(300))
    path.write_bytes(honest)
    partial = world.folder / "log" / "tile" / "0" / "001.p" / "44"
    partial.write_bytes(bytes(44 * 32))
    world.submit([999])
    with pytest.raises(TamperedTilesError):
        world.cycle()


def test_tiles_that_were_changed_between_integrating_and_signing_are_not_signed(sqlite_world: World) -> None:
    sqlite_world.submit(range(3))
    sequencer.run_once(sqlite_world.log)
    integration.run_once(sqlite_world.log)
    (sqlite_world.folder / "log" / "tile" / "0" / "000.p" / "3").write_bytes(bytes(96))
    with pytest.raises(TamperedTilesError):
        publishing.run_once(sqlite_world.log)
    assert sqlite_world.wires[0].requests == []


def test_a_tree_that_does_not_extend_what_was_signed_is_not_signed(sqlite_world: World) -> None:
    sqlite_world.submit(range(3))
    sqlite_world.cycle()
    with sqlite_world.log.database.write() as session:
        session.execute(
            sqlalchemy.text("UPDATE log_checkpoint SET root_hash = :root WHERE tree_size = 3"), {"root": bytes(32)}
        )
    (sqlite_world.folder / "log" / "checkpoint").unlink()
    sqlite_world.submit([9])
    with pytest.raises(TamperedTilesError):
        sqlite_world.cycle()


def test_another_checkpoint_of_this_size_is_not_signed_beside_the_first(sqlite_world: World) -> None:
    sqlite_world.wires[0].cut = True
    sqlite_world.submit(range(3))
    sqlite_world.cycle()
    with sqlite_world.log.database.write() as session:
        session.execute(sqlalchemy.text("UPDATE log_checkpoint SET root_hash = :root"), {"root": bytes(32)})
    with pytest.raises(LogRolledBackError):
        sqlite_world.cycle()


def test_a_database_that_lost_entries_is_refused(sqlite_world: World) -> None:
    sqlite_world.submit(range(3))
    sequencer.run_once(sqlite_world.log)
    with sqlite_world.log.database.write() as session:
        session.execute(sqlalchemy.text("DELETE FROM log_entry WHERE leaf_index = 1"))
    with pytest.raises(LogRolledBackError):
        sqlite_world.cycle()


def test_a_restored_database_is_refused_by_the_published_file(world: World, tmp_path: Path) -> None:
    world.submit(range(3))
    world.cycle()
    database = Database(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    create_tables(database)
    restored = replace(world.log, database=database)
    with database.write() as session:
        world.writer.submit(session, credential(7))
    for step in (sequencer.run_once, integration.run_once, publishing.run_once, publication_cycle.run_once):
        with pytest.raises(LogRolledBackError) as caught:
            step(restored)
        assert caught.value.params == {"published": 3, "known": 0}
    database.dispose()


def test_a_restored_database_and_folder_are_refused_by_the_witness(world: World, tmp_path: Path) -> None:
    """Nothing here remembers; the witness does, and no fork is published."""
    world.submit(range(3))
    world.cycle()
    database = Database(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    create_tables(database)
    restored = elsewhere(world, database, tmp_path / "restored")
    with database.write() as session:
        world.writer.submit_many(session, [credential(7), credential(8)])
    with pytest.raises(LogRolledBackError) as caught:
        publication_cycle.run_once(restored)
    assert caught.value.params == {"published": 3, "known": 2}
    assert published(restored) == 0
    # Even when it has grown past what the witness saw, it is another history.
    with database.write() as session:
        world.writer.submit_many(session, [credential(number) for number in range(20, 30)])
    with pytest.raises(ForkedLogError, match="A cosigned another history"):
        publication_cycle.run_once(restored)
    assert published(restored) == 0
    assert list((world.folder / "A" / "evidence").glob("doubt-*"))
    database.dispose()


def test_a_file_of_the_same_size_and_another_root_is_refused(sqlite_world: World) -> None:
    sqlite_world.submit(range(3))
    sqlite_world.cycle()
    path = sqlite_world.folder / "log" / "checkpoint"
    note = parse_note(path.read_text("utf-8"))
    lines = note.text.split("\n")
    lines[2] = "A" * 43 + "="
    path.write_text(str(Note("\n".join(lines), note.signatures)), "utf-8")
    with pytest.raises(LogRolledBackError):
        sqlite_world.cycle()


def test_a_file_that_lags_is_brought_up(sqlite_world: World) -> None:
    """A process that ended between the database's commit and the file."""
    sqlite_world.submit(range(3))
    sqlite_world.cycle()
    old = sqlite_world.log.tiles.read_checkpoint() or ""
    sqlite_world.submit([9])
    sqlite_world.cycle()
    path = sqlite_world.folder / "log" / "checkpoint"
    path.write_text(old, "utf-8")
    assert sqlite_world.cycle() == 0
    assert published(sqlite_world.log) == 4
    path.unlink()
    assert sqlite_world.cycle() == 0
    assert published(sqlite_world.log) == 4


class Ahead:
    """A witness that says it has seen more than there is."""

    organisation = "A"

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        raise WitnessConflictError("ahead", tree_size=1_000_000 + request.old_size)


def test_a_witness_that_is_ahead_stops_the_log_only_where_the_quorum_needs_it(
    sqlite_database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    world = make_world(sqlite_database, tmp_path, clock, organisations="AB", quorum=1)
    lying = replace(world.log, witnesses=(Ahead(), world.wires[1]))
    world.submit([1])
    assert publication_cycle.run_once(lying) == 3
    world.submit([2])
    world.wires[1].cut = True
    with pytest.raises(LogRolledBackError):
        publication_cycle.run_once(lying)
    world.close()


class Overtaken:
    """A publisher that is overtaken by another one while it asks its witness."""

    organisation = "A"

    def __init__(self, world: World) -> None:
        self.world = world

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        self.world.submit([100])
        self.world.cycle()
        return self.world.wires[0].add_checkpoint(request)


def test_a_publisher_that_is_overtaken_gives_way(world: World) -> None:
    world.submit([1])
    sequencer.run_once(world.log)
    integration.run_once(world.log)
    assert publishing.run_once(replace(world.log, witnesses=(Overtaken(world),))) == 0
    assert published(world.log) == 2


class Same:
    """A publisher that is overtaken, by another one, with the very tree it is publishing."""

    organisation = "A"

    def __init__(self, world: World) -> None:
        self.world = world

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        lines = self.world.wires[0].add_checkpoint(request)
        assert publishing.run_once(self.world.log) == 1
        return lines


def test_of_two_publishers_of_one_tree_one_publishes(world: World) -> None:
    world.submit([1])
    sequencer.run_once(world.log)
    integration.run_once(world.log)
    assert publishing.run_once(replace(world.log, witnesses=(Same(world),))) == 0
    before = world.log.tiles.read_checkpoint()
    assert world.cycle() == 0
    assert world.log.tiles.read_checkpoint() == before


def test_sequencers_that_run_at_once_never_fork_the_log(world: World) -> None:
    """Four threads over one database and one folder, while entries keep coming."""
    total = 400
    failures: list[Exception] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                publication_cycle.run_once(world.log)
            except Exception as error:  # noqa: BLE001 - shown below, whatever it is
                failures.append(error)
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for begin in range(0, total, 20):
        world.submit(range(begin, begin + 20))
    deadline = threading.Event()
    for _ in range(300):
        if len(world.proofs(range(total))) == total or failures:
            break
        deadline.wait(0.1)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    proofs = world.proofs(range(total))
    assert sorted(proof.index for proof in proofs.values()) == list(range(total))
    for number, proof in proofs.items():
        world.check(proof, credential(number))
    evidence = world.folder / "A" / "evidence"
    assert not evidence.exists() or not list(evidence.iterdir())


class Unreachable:
    organisation = "B"

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        raise AssertionError(f"asked for {request}")


def test_a_witness_nobody_trusts_is_not_asked(sqlite_world: World) -> None:
    sqlite_world.submit([1])
    log = replace(sqlite_world.log, witnesses=(Unreachable(), sqlite_world.wires[0]))
    assert publication_cycle.run_once(log) == 3


class Rotating:
    """A signer whose key is rotated between being named and signing."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def __getattr__(self, name: str) -> object:
        return getattr(self.signer, name)

    def sign_many(self, purpose: str, owner: str, alg: str, messages: Sequence[bytes]) -> tuple[bytes, ...]:
        ring = self.signer._keyring  # type: ignore[attr-defined]
        ring.rotate(purpose, owner, alg)
        return self.signer.sign_many(purpose, owner, alg, messages)


def test_a_key_that_is_rotated_in_between_signs_nothing_wrong(sqlite_world: World) -> None:
    sqlite_world.submit([1])
    log = replace(sqlite_world.log, signer=Rotating(sqlite_world.log.signer))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="does not verify"):
        publication_cycle.run_once(log)
    with sqlite_world.log.database.read() as session:
        assert store.checkpoint(session, 1) is None


def test_proofs_of_nothing(sqlite_world: World) -> None:
    with sqlite_world.log.database.read() as session:
        assert proofs_of(session, sqlite_world.log.tiles, []) == {}
        assert publication(session, []) == {}
