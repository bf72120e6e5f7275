"""Workers: steps that are `run_once() -> int`, and the loop that calls them.

A step is idempotent and says how much it did; tests call it directly. The loop survives a
failing step: it is logged, and tried again at the next turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    """A named step and the seconds to wait after a turn that found nothing to do."""

    name: str
    run_once: Callable[[], int]
    interval: float


class Loop:
    """Runs each worker in a thread of its own until it is stopped."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Take `workers`; nothing runs before `start`."""
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=f"xinji-{worker.name}", daemon=True)
            for worker in workers
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Ask all threads to end after their turn, and wait for them, `timeout` seconds in all."""
        self._stop.set()
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def wait(self) -> None:
        """Wait until `stop` is called."""
        self._stop.wait()

    def _run(self, worker: Worker) -> None:
        while not self._stop.is_set():
            try:
                done = worker.run_once()
            except Exception:  # A worker goes on: the next turn may find the cause gone
                log.exception("worker_failed", worker=worker.name)
                done = 0
            if not done:
                self._stop.wait(worker.interval)
