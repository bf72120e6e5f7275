"""The worker that asks the contract who endorsed our latest anchors, for the pages. It sends nothing.

Whoever must know asks a node of its own (`isConfirmed`): these are our words for those who read
the explorer. The time of an endorsement is when we first saw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel.clock import Clock
from kernel.db import Database
from ledger.anchors import store as anchor_store
from ledger.anchors.store import Contract, Endorsements, Place
from ledger.chain.base import CHECKPOINTS, Chain, log_id_of
from ledger.formats.shard import origin_of

LATEST: Final = 20
"""How many anchors are looked at: endorsing one endorses what it grew out of, so older ones rarely gain any."""


@dataclass(frozen=True, slots=True)
class Watching:
    """What the worker needs. `origin` is the first log's."""

    database: Database
    chain: Chain
    clock: Clock
    origin: str


def run_once(by: Watching) -> int:
    """Ask about the latest anchors and write down what is new; return how many anchors had news.

    Raises:
        ChainUnavailableError: It gave no answer.
    """
    endorsers = [str(address) for address in by.chain.ask(CHECKPOINTS, "endorsers")]
    if not endorsers:
        return 0
    needed = int(by.chain.ask(CHECKPOINTS, "threshold"))
    contract = Contract(by.chain.chain_id, by.chain.contract)
    with by.database.read() as session:
        heads = anchor_store.newest_finals(session, contract, LATEST)
        known = anchor_store.endorsements(session, [Place(*contract, shard, head.tree_size) for shard, head in heads])
    found = {}
    for shard, head in heads:
        place, log_id = Place(*contract, shard, head.tree_size), log_id_of(origin_of(by.origin, shard))
        root, _, _, _, count = by.chain.ask(CHECKPOINTS, "anchorAt", log_id, head.tree_size)
        if bytes(root) != head.root_hash:
            continue  # Another epoch left it behind: what was said of it counts no more.
        before = known.get(place)
        confirmed = bool(by.chain.ask(CHECKPOINTS, "isConfirmed", log_id, head.tree_size))
        if before is not None and _same(before, needed, len(endorsers), confirmed=confirmed, count=count):
            continue
        seen = {} if before is None else before.endorsed
        now = by.clock.now()
        who = [each for each in endorsers if by.chain.ask(CHECKPOINTS, "hasEndorsed", log_id, head.tree_size, each)]
        endorsed = {address: seen.get(address, now) for address in who}
        found[place] = Endorsements(needed, len(endorsers), confirmed, endorsed, now)
    if found:
        with by.database.write() as session:
            for place, endorsements in found.items():
                anchor_store.keep_endorsements(session, place, endorsements)
    return len(found)


def _same(before: Endorsements, needed: int, endorsers: int, *, confirmed: bool, count: int) -> bool:
    numbers = (before.needed, before.endorsers, before.confirmed, len(before.endorsed))
    return numbers == (needed, endorsers, confirmed, count)
