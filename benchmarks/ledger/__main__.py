"""`python -m benchmarks.ledger [--only throughput,tiles,anchors,peer] [--entries 200000] [--size 10000000]`."""

from __future__ import annotations

import argparse

from benchmarks.ledger.run import PARTS, Sizes, run


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger", description=__doc__)
    parser.add_argument("--only", default="", help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--entries", type=int, default=200_000, help="that go the whole way, each round")
    parser.add_argument("--rounds", type=int, default=2, help="of the whole way; the best counts")
    parser.add_argument("--size", type=int, default=10_000_000, help="of the log whose proofs are made")
    parser.add_argument("--peer", type=int, default=100_000, help="entries in the peer's tree, and in ours beside it")
    parser.add_argument("--anchors", type=int, default=200)
    options = parser.parse_args()
    chosen = tuple(filter(None, options.only.split(","))) or tuple(PARTS)
    run(chosen, Sizes(options.entries, options.rounds, options.size, options.peer, options.anchors))


main()
