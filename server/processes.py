"""Child processes: started, waited for, ended. Each is ended by its own handle, never by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

from kernel.errors import XinjiError

START_SECONDS: Final = 120
ROOT: Final = Path(__file__).parents[1]
PARENT: Final = "XINJI_PARENT"
ARENAS: Final = {"MALLOC_ARENA_MAX": "2"}  # An arena a thread would hold memory that nobody uses.


class ProcessFailedError(XinjiError):
    """A child process ended or did not become ready in time."""

    code = "process_failed"


class Child:
    """One child process and the file its output goes to."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path | None,
        environment: Mapping[str, str] | None = None,
        *,
        listeners: Sequence[int] = (),
    ) -> None:
        """Start `python -m <arguments>` from the checkout; without a `log` it writes where this process does.

        `listeners` are file descriptors that it gets under the same numbers.
        """
        self.name = name
        self.log = log
        with self._output() as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **ARENAS, **(environment or {}), PARENT: str(os.getpid())},
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                pass_fds=tuple(listeners),
            )

    def _output(self) -> AbstractContextManager[BinaryIO | None]:
        if self.log is None:
            return nullcontext()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("ab")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until `ready()`.

        Raises:
            ProcessFailedError: The process ended, or was not ready in time.
        """
        end = time.monotonic() + seconds
        where = "its messages" if self.log is None else self.log
        while not (ready() and self._lives_on()):
            if not self.alive:
                raise ProcessFailedError(f"{self.name} ended with status {self._process.returncode}: see {where}")
            if time.monotonic() > end:
                raise ProcessFailedError(f"{self.name} was not ready after {seconds:.0f} s: see {where}")
            time.sleep(0.05)

    def _lives_on(self) -> bool:
        """Whether it still runs a moment later: another process on its port would answer in its place."""
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return True
        return False

    def ask_to_stop(self) -> None:
        """Ask the process to end, without waiting."""
        if self.alive:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = 20) -> None:
        """End the process: politely, then for good."""
        if not self.alive:
            return
        self.ask_to_stop()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def end_with_parent() -> None:
    """End this process when the one that started it as a `Child` is gone, however that ended."""
    parent = int(os.environ.get(PARENT, "0"))
    if parent == 0 or parent != os.getppid():
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="xinji-parent", daemon=True).start()


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process in MB (Linux), 0 where it is gone.

    Pages that several processes share count in parts (Pss), so that sums over processes are true.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    except OSError:
        return 0.0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
