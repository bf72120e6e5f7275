"""The benchmark is no test, but its stage must stand: each part once, with little."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.ledger import anchors_embedded, rows, throughput, tiles
from kernel.db import Database


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_whole_way(sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    throughput.main(sqlite_database.url, 700, tmp_path)
    whole, *steps, room = rows.whole_way("SQLite", 700, [told(capsys)])
    assert "entries a second" in whole.measured
    assert len(steps) == 4
    assert "MB of files" in room.measured


def test_a_log_of_some_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiles.main(tmp_path / "tiles", [300, 700])
    found = told(capsys)["sizes"]
    assert isinstance(found, list)
    assert [rows.of_log(got).what for got in found] == ["a log of 300 entries", "a log of 700 entries"]


def test_anchors_of_the_embedded_chain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anchors_embedded.main(tmp_path, 2)
    found = told(capsys)
    assert found["anchors"] == 3
    assert len(rows.of_anchors(found, 90_000)) == 1 + len(rows.PER_CHECKPOINT)
