"""`python -m benchmarks.ledger.anchors [--seconds 20]`: anchors a second on a BFT network of four validators.

Once the whole way and one at a time, as the anchorer works: written down, signed, sent, mined,
final by the word of two nodes, written down again. Once without waiting, as many as the network
takes: each transaction names the anchor before it, so that all of them are one sequence. Needs
requirements-bft.lock; runs on 127.0.0.1, in a folder that is thrown away.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from crypto.hashes import sm3
from kernel.clock import SystemClock
from kernel.db import Base, Database
from ledger import store
from ledger.anchors import store as anchor_store
from ledger.anchors.anchoring import Anchoring, run_once
from ledger.chain.base import CHECKPOINTS, NO_ROOT, AnchorCall, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.devnet.network import Network
from ledger.chain.keys import WRITERS, address_of
from ledger.chain.rpc import PROFILES, RpcChain, http_provider
from ledger.formats.merkle import TreeHead

PROFILE: Final = PROFILES["cosmos-evm"]
MEMBER: Final = bytes([0] * 31 + [1])
KEYS: Final = {name: bytes([0] * 31 + [2 + place]) for place, name in enumerate(WRITERS)}
AT_ONCE: Final = 300
LOOK_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 120


def main() -> None:
    """Measure; the last line says it all."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger.anchors", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of anchors one at a time")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="anchors that are sent without waiting")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="xinji-bench-") as temporary:
        folder = Path(temporary)
        funded = [address_of(key) for key in (MEMBER, *KEYS.values())]
        began = time.perf_counter()
        with Network(folder / "network", funded=funded) as network:
            print(f"four validators make blocks after {time.perf_counter() - began:.1f} s")
            member = Consortium(network.urls[0], PROFILE, chain_id=network.chain_id, key=MEMBER)
            panel = Panel(members=(address_of(MEMBER),))
            deployment = member.deploy(DeploymentsFile(folder / "deployments.json"), panel)
            waits = _one_at_a_time(folder, network, member, deployment, options.seconds)
            before, height = _bytes(folder / "network"), network.validators[0].height() or 0
            at_once = _at_once(network, member, deployment, options.at_once)
            blocks = (network.validators[0].height() or 0) - height
            grown = (_bytes(folder / "network") - before) / 4
            print(f"{grown / 1024:.0f} kB a validator for {options.at_once} anchors in {blocks} blocks")
    middle = statistics.median(waits)
    print(
        f"{len(waits) / sum(waits):.1f} a second one at a time (final after {middle:.2f} s, p50; "
        f"{max(waits):.2f} s, slowest of {len(waits)}), {at_once:.0f} a second without waiting"
    )


def _chain(network: Network, member: Consortium, deployment: Deployment, origin: str) -> RpcChain:
    member.open_log(deployment, log_id_of(origin), TreeAlg.SM3, address_of(KEYS[CHECKPOINTS]))
    nodes = [http_provider(url) for url in network.urls]
    chain = RpcChain(
        nodes, PROFILE, chain_id=network.chain_id, contracts=deployment.addresses, keys=KEYS, agree=min(2, len(nodes))
    )
    chain.deploy(log_id_of(origin), TreeAlg.SM3)
    return chain


def _one_at_a_time(
    folder: Path, network: Network, member: Consortium, deployment: Deployment, seconds: float
) -> list[float]:
    """Return how long each anchor took from its checkpoint's publication to its finality."""
    origin = "localhost:8000/one"
    database = Database(f"sqlite:///{folder / 'anchors.sqlite3'}")
    Base.metadata.create_all(database.engine)
    chain = _chain(network, member, deployment, origin)
    by = Anchoring(database, chain, SystemClock(), origin, timedelta(0))
    waits: list[float] = []
    while sum(waits) < seconds:
        size = len(waits) + 1
        with database.write() as session:
            store.add_checkpoint(session, TreeHead(size, _root(size)), "", by.clock.now())
            store.publish_checkpoint(session, size, "", by.clock.now())
        began = time.perf_counter()
        while not _is_final(by, size):
            if not run_once(by):
                time.sleep(LOOK_SECONDS)
        waits.append(time.perf_counter() - began)
    database.dispose()
    return waits


def _is_final(by: Anchoring, size: int) -> bool:
    with by.database.read() as session:
        last = anchor_store.last_final(session, by.contract)
    return last is not None and last.tree_size == size


def _at_once(network: Network, member: Consortium, deployment: Deployment, count: int) -> float:
    """Return how many anchors a second are made when all are sent one after the other without waiting."""
    origin = "localhost:8000/many"
    log_id = log_id_of(origin)
    chain = _chain(network, member, deployment, origin)
    nonce, root = chain.next_nonce(), NO_ROOT
    signed = []
    for size in range(1, count + 1):
        call = AnchorCall(log_id, size, _root(size), size - 1, root).call
        signed.append(chain.sign(call, nonce=nonce + size - 1))
        root = _root(size)
    began = time.perf_counter()
    for transaction in signed:
        chain.send(transaction)
    while chain.latest_anchor(log_id).size < count:
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise RuntimeError("the network has not taken all of them")
        time.sleep(LOOK_SECONDS)
    return count / (time.perf_counter() - began)


def _root(size: int) -> bytes:
    return sm3(size.to_bytes(8, "big"))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
