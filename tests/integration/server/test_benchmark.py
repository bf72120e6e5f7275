"""The benchmark is no test, but its stage must stand: one short run of everything on SQLite, without the peer."""

from __future__ import annotations

from pathlib import Path

import uvloop

from benchmarks.oidc.cells import CELLS
from benchmarks.oidc.generator import measure
from benchmarks.oidc.ours import our_provider


def test_every_cell_of_the_benchmark_gets_answers(tmp_path: Path) -> None:
    environment = {"XINJI_SQLITE_SYNCHRONOUS": "normal"}
    with our_provider(tmp_path, name="x", database_url=None, workers=1, environment=environment) as provider:
        for name, cell in CELLS.items():
            run = measure("127.0.0.1", provider.port, cell(provider), seconds=0.15, connections=1, warm_up=0.0)
            measured = uvloop.run(run)
            assert not measured.failed, f"{name}: {measured.failure}"
            assert measured.rate > 0, name
