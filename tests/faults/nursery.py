"""Processes that begin in a moment: forked from one that has imported everything already.

`python -m tests.faults.nursery` reads orders from its standard input, a line of JSON each. It has one
thread, so that a fork takes nothing half-done along. What it starts is a process of its own like any other,
is ended by `kill -9` and nothing else, and ends when the nursery does.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults.stages import Board

ROOT: Final = Path(__file__).parents[2]
PR_SET_PDEATHSIG: Final = 1
READY_SECONDS: Final = 60.0
WORK_SECONDS: Final = 5.0
PATIENCE: Final = 0.5
"""For how many seconds a stage is waited for."""


class Nursery:
    """The nursery's side in the test: orders, and the processes that came of them."""

    def __init__(self) -> None:
        """Begin it; nothing is imported yet."""
        self._folder = tempfile.TemporaryDirectory(prefix="xinji-faults-")
        self._lock = threading.Lock()
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'clients/python/src'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, role: str, *, environment: dict[str, str] | None = None, **arguments: Any) -> Born:
        """Fork a process that runs `tests.faults.victims.<role>.main(board, **arguments)`.

        The first of a role costs its imports, the others a few milliseconds.
        """
        self._count += 1
        board = Path(self._folder.name) / f"{self._count:04}-{role}.stages"
        output = board.with_suffix(".log")
        shared = Board(board)
        order = {"start": role, "board": str(board), "output": str(output), "arguments": arguments}
        pid = self._order({**order, "environment": environment or {}})["pid"]
        return Born(self, pid, shared, output)

    def kill(self, pid: int, **when: Any) -> bool:
        """`kill -9`, and wait until the process is gone; False if it had ended by itself. `when`: see `Born.kill`."""
        return bool(self._order({"kill": pid, "when": when})["killed"])

    def close(self) -> None:
        """End the nursery and all its processes."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._process.stdin is None or self._process.stdout is None:
                raise AssertionError("it has pipes")
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
            return answer


@dataclass
class Born:
    """A process of the nursery's."""

    nursery: Nursery
    pid: int
    board: Board
    output: Path
    alive: bool = True

    def wait_until_ready(self) -> None:
        """Wait until its work begins."""
        end = time.monotonic() + READY_SECONDS
        while not self.board.is_ready:
            if time.monotonic() > end or _has_ended(self.pid):
                raise AssertionError(f"it is not ready:\n{self.said}")
            time.sleep(0.002)

    @property
    def said(self) -> str:
        """The end of what it wrote."""
        return self.output.read_text("utf-8", "replace")[-4000:] if self.output.exists() else ""

    def kill(self, *, after: float = 0, aim: str | None = None, late: float = 0) -> None:
        """`kill -9` after `after` seconds of work, or `late` seconds after the stage `aim` was seen open from then on.

        It must still have been running.
        """
        if self.alive:
            self.alive = False
            killed = self.nursery.kill(self.pid, after=after, aim=aim, late=late)
            assert killed, f"it ended by itself:\n{self.said}"


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _main() -> None:
    living: dict[int, Board] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            # Imported here, once: the child has it all.
            module = importlib.import_module(f"tests.faults.victims.{order['start']}")
            pid = os.fork()
            if pid == 0:
                _be_born(module, order)
            living[pid] = Board(Path(order["board"]))
            _answer(pid=pid)
        else:
            # Here and not in the test, whose threads wait for each other by milliseconds.
            pid = order["kill"]
            _wait(living.pop(pid), **order["when"])
            _answer(killed=_kill(pid))
    for pid in living:
        _kill(pid)


def _wait(board: Board, *, after: float = 0, aim: str | None = None, late: float = 0) -> None:
    if after:  # From the first step on: on a busy machine the process may not have had a turn yet.
        board.wait_for_any(WORK_SECONDS)
    time.sleep(after)
    if aim is not None and board.wait_for(aim, PATIENCE):
        time.sleep(late)


def _kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # Not waited for yet: nobody else can have its number.
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _be_born(module: Any, order: dict[str, Any]) -> None:
    """Become the process that was ordered; never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # Whatever ends the nursery ends this too.
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for here, there in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(here, there)
        os.environ.update(order["environment"])
        module.main(Board(Path(order["board"])), **order["arguments"])
        status = 0
    except BaseException:  # noqa: BLE001 - the last thing that it says
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _answer(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
