"""`kill -9` of a witness: it never cosigns two trees of one size, and the log goes on when it is back."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from crypto.hashes import sm3
from kernel.clock import SystemClock
from kernel.db import Database
from ledger import store
from ledger.bundles import proofs_of
from ledger.errors import WitnessConflictError, WitnessRefusedError, WitnessUnavailableError
from ledger.formats.checkpoint import Checkpoint, Organisation, Signed, WitnessPolicy, parse_checkpoint
from ledger.formats.note import Signature
from ledger.formats.proof_text import AddCheckpoint
from ledger.log import LogServices, create_keys, verifier_keys
from ledger.publication import publishing
from ledger.storage.files import Change
from ledger.storage.tiles import Tiles
from ledger.witness.keys import create_witness
from ledger.witnessing import HttpWitness, Tree, ask
from tests.conftest import free_port
from tests.faults.figures import Figures
from tests.faults.nursery import Born, Nursery
from tests.faults.outside import Outside, from_folder
from tests.faults.striking import strike
from tests.integration.ledger.world import ORIGIN, World, credential, make_world
from xinji_client.note import vkey

ORGANISATION: Final = "一所大学"
NAME: Final = "witness.example/w1"
ROGUE: Final = "rogue.example/log"
AIMS: Final = ("checking growth", "remembering a head", "remembering a head", "cosigning")


@dataclass
class InMemory:
    """A log's files, for a log that is shown to nobody but the witness."""

    content: dict[str, bytes] = field(default_factory=dict)

    def below(self, name: str) -> InMemory:
        raise NotImplementedError(name)

    def read(self, name: str) -> bytes | None:
        return self.content.get(name)

    def write_new(self, files: Mapping[str, bytes]) -> None:
        self.content |= files

    def names(self, under: str) -> Iterator[str]:
        return (name for name in self.content if name.startswith(under))

    def update(self, name: str, change: Change) -> bool:
        raise AssertionError(f"nothing is published here: {name}, {change}")

    def remove(self, under: str) -> int:
        raise AssertionError(under)

    def replace(self, name: str, content: bytes, *, aside: str) -> None:
        raise AssertionError((name, content, aside))


@dataclass
class Cosigned:
    """Every head that the witness has signed, by its answers: the sizes of each log with their roots."""

    heads: dict[tuple[str, int], set[bytes]] = field(default_factory=dict)

    def see(self, request: AddCheckpoint) -> None:
        checkpoint = parse_checkpoint(request.checkpoint.partition("\n\n")[0] + "\n")
        self.heads.setdefault((checkpoint.origin, checkpoint.head.tree_size), set()).add(checkpoint.head.root_hash)

    @property
    def forks(self) -> int:
        return sum(len(roots) > 1 for roots in self.heads.values())


class Watched(HttpWitness):
    """A witness whose answers are kept."""

    cosigned: Cosigned

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        lines = super().add_checkpoint(request)
        if lines:
            self.cosigned.see(request)
        return lines


@dataclass
class Rogue:
    """A log that signs two histories at every step, and shows the witness both."""

    log: LogServices
    witness: Watched
    organisation: Organisation
    pick: random.Random
    size: int = 0
    shared: int = 0
    branches: tuple[InMemory, ...] = ()
    buried: tuple[InMemory, int] | None = None
    """The branch that was not cosigned last time, and its size: never to be cosigned."""
    refused: int = 0
    """How often the witness has refused one of two histories."""

    def __post_init__(self) -> None:
        self._part(InMemory())

    def work(self) -> None:
        """Show all branches; the one that is cosigned is the history from which the next two part."""
        if self.buried is not None:
            self._show(*self.buried)
        shown = self.pick.sample(self.branches, 2)
        cosigned = [self._show(branch, self.size) for branch in shown]
        if any(cosigned):
            self.buried = shown[cosigned.index(True) - 1], self.size
            self._part(shown[cosigned.index(True)])

    def _show(self, files: InMemory, size: int) -> bool:
        branch = Tiles(files)
        checkpoint = Checkpoint(ROGUE, branch.head(size))
        signed = Signed(checkpoint, publishing._sign(self.log, checkpoint))
        tree = Tree(branch.hash, branch.nodes(size), size)
        try:
            ask(self.witness, self.organisation, signed, tree, known_size=self.shared, now=self.log.clock.now())
        except (WitnessConflictError, WitnessRefusedError):
            self.refused += 1
            return False
        except WitnessUnavailableError:
            return False  # Killed: nobody knows whether it remembers this one. Both are shown again.
        return True

    def _part(self, files: InMemory) -> None:
        grown = self.size + self.pick.choice([1, 2, 5])
        self.shared = self.size
        self.branches = InMemory(dict(files.content)), InMemory(dict(files.content))
        for name, branch in zip((b"left", b"right"), self.branches, strict=True):
            entries = [sm3(name + number.to_bytes(4)) for number in range(self.size, grown)]
            Tiles(branch).extend(self.size, entries)
        self.size = grown


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> Iterator[World]:
    world = make_world(sqlite_database, tmp_path, SystemClock(), organisations=(), quorum=0)
    yield world
    world.close()


@pytest.mark.kill
@pytest.mark.timeout(1_200)
def test_witness(world: World, nursery: Nursery, tmp_path: Path, figures: Figures, pick: random.Random) -> None:
    port, cosigned = free_port(), Cosigned()
    keys = create_witness(tmp_path / "witness", NAME, SystemClock())
    own = Organisation(ORGANISATION, keys)
    witness = Watched(ORGANISATION, f"http://127.0.0.1:{port}")
    witness.cosigned = cosigned
    log = replace(world.log, witnesses=(witness,), policy=WitnessPolicy(1, (own,)))
    world.log = log
    trusted = {origin: [str(key) for key in create_keys(log.signer, origin)] for origin in (ORIGIN, ROGUE)}
    rogue = Rogue(replace(log, origin=ROGUE), witness, own, pick)
    outside = Outside(
        from_folder(tmp_path / "log"),
        [vkey(str(key)) for key in verifier_keys(log.signer, ORIGIN)],
        {ORGANISATION: [vkey(str(key)) for key in keys]},
        1,
    )
    submitted = 0

    def work() -> None:
        nonlocal submitted
        if pick.random() < 0.3:
            world.submit(range(submitted, submitted + 3))
            submitted += 3
            world.cycle()
        rogue.work()

    def serve() -> Born:
        begun = nursery.start("witness", folder=str(tmp_path / "witness"), name=NAME, logs=trusted, port=port)
        begun.wait_until_ready()
        return begun

    while figures.wants_more:
        strike(serve(), figures, pick, work=work, aims=AIMS, most=0.2, aimed=0.9, into=0.001)
        outside.follow()
        assert cosigned.forks == 0
    last, before = serve(), rogue.size
    work()
    rogue.work()
    while world.cycle():
        pass
    last.kill()
    witness.close()
    assert rogue.size > before  # Whichever it remembers, it goes on with that one.
    _count(world, outside, submitted, figures)
    figures.forks += cosigned.forks
    figures.more = {"heads cosigned": len(cosigned.heads), "forks refused": rogue.refused}
    assert rogue.refused >= figures.kills // 4
    figures.check()


def _count(world: World, outside: Outside, submitted: int, figures: Figures) -> None:
    """Check all that the witness has signed: one history of each log, and every entry in the honest one."""
    with world.log.database.read() as session:
        notes = [row.note for row in store.latest_published(session, 100_000)]
    head = outside.follow(notes)
    assert head is not None
    assert head.size == submitted
    with world.log.database.read() as session:
        commitments = [credential(number).commitment for number in range(submitted)]
        proofs = proofs_of(session, world.log.tiles, commitments, tree_size=head.size)
    figures.entries, figures.lost = submitted, submitted - len(proofs)
    for proof in proofs.values():
        outside.check(proof.entry, proof.index, proof.path, head)
    figures.twice = submitted - len({proof.index for proof in proofs.values()})
    figures.forks, figures.proofs, figures.checkpoints = outside.forks, outside.proofs, len(outside.seen)
