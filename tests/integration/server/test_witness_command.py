"""`xinji witness` at its start: its keys, and whether it remembers all that it signed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from kernel.clock import ManualClock
from kernel.db import Database
from ledger.errors import WitnessStateError
from ledger.formats.vkey import parse_vkey
from ledger.log import verifier_keys
from server.commands.witness import app
from tests.integration.ledger.world import World, make_world
from tests.integration.server.test_monitor_command import Quiet


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    world = make_world(sqlite_database, tmp_path, clock)
    yield world
    world.close()


def test_its_keys_are_printed_and_stay(tmp_path: Path) -> None:
    options = ["--folder", str(tmp_path / "w"), "--name", "w.example/w", "--keys-only"]
    first = CliRunner().invoke(app, options)
    assert first.exit_code == 0
    assert [parse_vkey(line).name for line in first.output.splitlines()] == ["w.example/w"] * 2
    assert CliRunner().invoke(app, options).output == first.output


def test_it_compares_itself_with_what_the_log_published(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []

    def run(application: Any, **_options: Any) -> None:
        ran.append(application)
        application.state.witness_state.close()

    monkeypatch.setattr(uvicorn, "run", run)
    keys = [word for key in verifier_keys(world.log.signer, world.log.origin) for word in ("--log", str(key))]
    options = ["--folder", str(tmp_path / "A"), "--name", "A.example/w", *keys]
    world.submit([1])
    world.cycle()
    old = (tmp_path / "A" / "state.json").read_bytes()
    world.submit([2])
    world.cycle()
    world.close()
    with served(tmp_path / "log") as url:
        told = CliRunner().invoke(app, [*options, "--published", url, "--published", "http://127.0.0.1:9"])
        assert told.exit_code == 0, told.exception
        assert told.output.count("not compared with") == 1
        assert "not compared with http://127.0.0.1:9" in told.output
        assert len(ran) == 1

        (tmp_path / "A" / "state.json").write_bytes(old)
        forgot = CliRunner().invoke(app, [*options, "--published", url])
        assert isinstance(forgot.exception, WitnessStateError)
        again = CliRunner().invoke(app, options)
        assert isinstance(again.exception, WitnessStateError)
        assert "under new keys" in str(again.exception)
    assert len(ran) == 1, "it did not listen"
