"""`python -m benchmarks.oidc [--seconds 1.2] [--rounds 5] [--only peer,sqlite] [--cells refresh,JWKS]`."""

from __future__ import annotations

import argparse

from benchmarks.oidc.run import run


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="benchmarks.oidc", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.2, help="of each round")
    parser.add_argument("--rounds", type=int, default=5, help="of each cell; the best counts")
    parser.add_argument("--only", default="", help="comma-separated: peer, sqlite, postgresql, postgresql-on-disk")
    parser.add_argument("--cells", default="", help="comma-separated names; all unless given")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    run(
        seconds=options.seconds,
        rounds=options.rounds,
        only=options.only,
        cells=tuple(filter(None, options.cells.split(","))),
        connections=options.connections,
    )


main()
