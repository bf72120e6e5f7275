"""A log with its signer and witnesses, made whole for a test. Typed stand-ins, no mocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from crypto.hashes import sm3
from crypto.keyring import KeyRing
from crypto.signing import LocalSigner
from kernel.clock import Clock
from kernel.db import Database
from ledger.bundles import LogProof, proofs_of
from ledger.errors import WitnessUnavailableError
from ledger.formats.checkpoint import Organisation, WitnessPolicy, open_checkpoint
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import InclusionProof, TreeHead, leaf_hash, verify_inclusion
from ledger.formats.note import Signature
from ledger.formats.proof_text import AddCheckpoint
from ledger.log import LogServices, create_keys, verifier_keys
from ledger.publication import cycle as publication_cycle
from ledger.storage.tiles import TileFolder
from ledger.submission import DatabaseLog
from ledger.witness.cosigning import Cosigner, TrustedLog
from ledger.witness.keys import create_witness, key_ring, open_state
from ledger.witnessing import WitnessClient

ORIGIN = "localhost:8000/log"
CODE = "4141010459"


def credential(number: int, code: str = CODE) -> Entry:
    return Entry(EntryType.CREDENTIAL, code, sm3(number.to_bytes(8, "big")))


@dataclass
class Wire:
    """A witness behind a wire that can be cut, and that remembers what went through."""

    organisation: str
    cosigner: Cosigner
    close: Callable[[], None]
    cut: bool = False
    requests: list[AddCheckpoint] = field(default_factory=list)

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        self.requests.append(request)
        if self.cut:
            raise WitnessUnavailableError("the wire is cut")
        return WitnessClient(self.organisation, self.cosigner.add_checkpoint).add_checkpoint(request)


@dataclass
class World:
    """One log and its witnesses."""

    log: LogServices
    clock: Clock
    writer: DatabaseLog
    wires: tuple[Wire, ...]
    folder: Path
    opened: dict[str, TreeHead] = field(default_factory=dict)

    def submit(self, numbers: Sequence[int]) -> None:
        with self.log.database.write() as session:
            self.writer.submit_many(session, [credential(number) for number in numbers])

    def cycle(self) -> int:
        return publication_cycle.run_once(self.log)

    def proofs(self, numbers: Sequence[int]) -> dict[int, LogProof]:
        by_commitment = {credential(number).commitment: number for number in numbers}
        with self.log.database.read() as session:
            found = proofs_of(session, self.log.tiles, list(by_commitment))
        return {by_commitment[commitment]: proof for commitment, proof in found.items()}

    def check(self, proof: LogProof, entry: Entry) -> None:
        """Verify as somebody outside would: from the trusted keys and the policy alone."""
        h = self.log.tiles.hash
        leaf = leaf_hash(h, entry.encode())
        head = self._opened(proof.checkpoint)
        verify_inclusion(h, leaf=leaf, proof=InclusionProof(proof.index, proof.path), head=head)

    def _opened(self, checkpoint: str) -> TreeHead:
        if checkpoint not in self.opened:
            keys = verifier_keys(self.log.signer, self.log.origin)
            signed = open_checkpoint(checkpoint, origin=self.log.origin, keys=keys)
            assert len(signed.note.verify(keys)) == 2
            assert len(self.log.policy.times(signed.note)) >= self.log.policy.quorum
            self.opened[checkpoint] = signed.checkpoint.head
        return self.opened[checkpoint]

    def restart_witnesses(self, logs: Sequence[TrustedLog]) -> None:
        """Start the witnesses again with these logs, as their organisations do."""
        for wire in self.wires:
            wire.close()
            again = witness(self.folder, wire.organisation, self.clock, logs)
            wire.cosigner, wire.close = again.cosigner, again.close

    def close(self) -> None:
        for wire in self.wires:
            wire.close()


def signer_of(folder: Path, clock: Clock) -> LocalSigner:
    return LocalSigner(KeyRing(folder / "keys", bytes(32), clock), bytes(32))


def witness(folder: Path, organisation: str, clock: Clock, logs: Sequence[TrustedLog]) -> Wire:
    """Open (or make) the witness of an organisation in its folder."""
    place = folder / organisation
    name = f"{organisation}.example/w"
    create_witness(place, name, clock)
    state = open_state(place)
    return Wire(organisation, Cosigner(state, key_ring(place, clock), name, logs, clock), state.close)


def make_world(
    database: Database,
    folder: Path,
    clock: Clock,
    *,
    organisations: Sequence[str] = ("A",),
    quorum: int = 1,
    hash_name: str = "sm3",
    window: timedelta = timedelta(0),
) -> World:
    signer = signer_of(folder, clock)
    trusted = TrustedLog(ORIGIN, hash_name, create_keys(signer, ORIGIN))
    wires = tuple(witness(folder, name, clock, [trusted]) for name in organisations)
    policy = WitnessPolicy(quorum, tuple(Organisation(wire.organisation, wire.cosigner.keys) for wire in wires))
    tiles = TileFolder(folder / "log", hash_name)
    log = LogServices(database, tiles, ORIGIN, signer, wires, policy, clock, window)
    return World(log, clock, DatabaseLog(clock), wires, folder)


def elsewhere(world: World, database: Database, folder: Path) -> LogServices:
    """The same log (its keys, witnesses and origin) over another database and another folder."""
    return replace(world.log, database=database, tiles=TileFolder(folder, world.log.tiles.hash_name))
