"""What a running log is made of. Built once, at start-up; the steps take it whole."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy.orm import Session

from crypto.keys import ED25519, SGD_SM3_SM2
from crypto.signing import Signer
from kernel.clock import Clock
from kernel.db import Database
from ledger.formats.checkpoint import WitnessPolicy
from ledger.formats.shard import FIRST, origin_of
from ledger.formats.vkey import VerifierKey, kind_of
from ledger.gathering import Gatherer
from ledger.storage.tiles import Tiles
from ledger.witnessing import Witness

Few = Callable[[Session, Collection[str]], set[str]]
"""Returns those of some issuers' codes that have few holders."""
PURPOSE = "log"
ALGS = (SGD_SM3_SM2, ED25519)
"""Each checkpoint carries a line of each: SM2 for domestic verifiers, Ed25519 for the world's."""


@dataclass(frozen=True, slots=True)
class LogServices:
    """One log: the first, or with `of` a later shard of it. `origin` owns the signer's log keys.

    `window` is how long entries gather before a shuffle.

    `few` tells which issuers have few holders; their credentials gather for `window_of_few`, because
    among few a time would say who. `complaints` remembers what was last logged of each witness, so
    that one that is down does not fill the logs. `gatherer` asks the witnesses.
    """

    database: Database
    tiles: Tiles
    origin: str
    signer: Signer
    witnesses: tuple[Witness, ...]
    policy: WitnessPolicy
    clock: Clock
    window: timedelta = timedelta(0)
    few: Few | None = None
    window_of_few: timedelta = timedelta(0)
    complaints: dict[str, str] = field(default_factory=dict, compare=False)
    gatherer: Gatherer = field(default_factory=Gatherer, compare=False)
    shard: int = FIRST

    def of(self, shard: int) -> LogServices:
        """Return the same of a shard; this must be the first log."""
        if shard == FIRST:
            return self
        return replace(self, shard=shard, origin=origin_of(self.origin, shard), tiles=self.tiles.of(shard))


def create_keys(signer: Signer, origin: str) -> tuple[VerifierKey, ...]:
    """Make the log's two keys where they are missing; return all its verifier keys."""
    for alg in ALGS:
        signer.generate(PURPOSE, origin, alg)
    return verifier_keys(signer, origin)


def verifier_keys(signer: Signer, origin: str) -> tuple[VerifierKey, ...]:
    """Return the log's published keys, as verifiers take them: SM2 first, then the oldest first."""
    public = signer.public_keys(PURPOSE, origin)
    keys = [VerifierKey(origin, kind_of(key.alg, timestamped=False), key) for key in public]
    return tuple(sorted(keys, key=lambda key: ALGS.index(key.kind.alg)))
