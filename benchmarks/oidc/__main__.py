"""`python -m benchmarks.oidc [--seconds 4] [--only SUBSTRING] [--cells a,b]`."""

from __future__ import annotations

import argparse

from benchmarks.oidc.run import run


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="benchmarks.oidc", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each cell")
    parser.add_argument("--only", default="", help="providers whose name holds this: peer, sqlite, postgresql")
    parser.add_argument("--cells", default="", help="comma-separated names; all unless given")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    run(
        seconds=options.seconds,
        only=options.only,
        cells=tuple(filter(None, options.cells.split(","))),
        connections=options.connections,
    )


main()
