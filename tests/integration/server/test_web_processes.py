"""`xinji serve --workers 2`: one port, two processes; one that is killed is replaced; none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import httpx
import pytest

from kernel.db import Base, Database
from server import tables
from server.processes import ProcessFailedError
from server.settings import Installation, Settings, save_installation
from server.web_processes import SETTLED, TRIES, WebProcesses
from tests.conftest import free_port

ROOT = Path(__file__).parents[3]
SECONDS = 120


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    save_installation(settings, Installation(base_url=f"http://127.0.0.1:{port}"))
    database = Database(settings.database)
    assert tables.MODULES
    Base.metadata.create_all(database.engine)
    database.dispose()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "server", "serve", "--role", "idp"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "2"),
        ],
        cwd=ROOT,
        env={**os.environ, "XINJI_DATA_DIR": str(settings.data_dir)},
        stderr=subprocess.DEVNULL,
    )
    yield process, port
    if process.poll() is None:
        process.kill()
    process.wait()


def children(pid: int) -> set[int]:
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found |= {int(word) for word in path.read_text("ascii").split()}
    return found


def wait_until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_process_is_replaced_and_all_end_together(served: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = served
    address = f"http://127.0.0.1:{port}/.well-known/openid-configuration"

    def answers() -> bool:
        try:
            return httpx.get(address, trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(lambda: len(children(process.pid)) == 2 and answers())
    before = children(process.pid)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(children(process.pid) - {victim}) == 2)
    wait_until(answers)
    after = children(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    wait_until(lambda: all(is_gone(pid) for pid in before | after))


class Fragile:
    """A child that lives as long as the test says."""

    pid = 1
    started: ClassVar[list[Fragile]] = []

    def __init__(self, *_: object, **__: object) -> None:
        self.alive = True
        self.started.append(self)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Give the time to the test: `moment.now`."""
    moment = SimpleNamespace(now=0.0)
    Fragile.started.clear()
    monkeypatch.setattr("server.web_processes.Child", Fragile)
    monkeypatch.setattr("server.web_processes.time", SimpleNamespace(monotonic=lambda: moment.now))
    return moment


def test_where_none_stays_all_of_it_ends(moment: SimpleNamespace) -> None:
    processes = WebProcesses([], count=2, arguments=[])
    with pytest.raises(ProcessFailedError):
        for _ in range(100):
            for child in Fragile.started:
                child.alive = False
            moment.now += 0.5
            processes.look()
    assert len(Fragile.started) < TRIES + 2
    assert moment.now < 5 * SETTLED


def test_one_that_lived_is_replaced_at_once_and_one_that_keeps_failing_beside_it_slowly(
    moment: SimpleNamespace,
) -> None:
    processes = WebProcesses([], count=2, arguments=[])
    moment.now += 2 * SETTLED
    Fragile.started[0].alive = False
    processes.look()
    assert len(Fragile.started) == 3
    for _ in range(200):  # The other one goes on serving all the time.
        moment.now += 0.5
        Fragile.started[-1].alive = False
        processes.look()
    assert len(Fragile.started) <= 3 + 100 / SETTLED
    assert Fragile.started[1].alive
