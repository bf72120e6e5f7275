"""Several web processes on the same listening sockets, watched over. Knows no routes.

Each is `xinji serve` again, given the sockets and nothing else to do than the web: no worker
and no signer runs twice. The kernel hands each new connection to one of them. One that ends
is replaced; where one after the other ends at once, all of it ends.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from server.processes import Child, ProcessFailedError

LOOK: Final = 0.5
SETTLED: Final = 5.0
"""Seconds after which a process counts as having started well."""
TRIES: Final = 5
STOP: Final = 8.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Place:
    """One of the processes: who has the place, since when, and when that one was seen to have ended."""

    child: Child
    since: float
    ended: float | None = None

    @property
    def settled(self) -> bool:
        """Whether it started well: it lives, or lived, longer than `SETTLED`."""
        return (time.monotonic() if self.ended is None else self.ended) - self.since >= SETTLED


class WebProcesses:
    """`count` web processes on `sockets`, which they share."""

    def __init__(self, sockets: Sequence[socket.socket], *, count: int, arguments: Sequence[str]) -> None:
        """Start them: `python -m server serve <arguments> --listener <fd>…`."""
        self._descriptors = [listener.fileno() for listener in sockets]
        given = [word for number in self._descriptors for word in ("--listener", str(number))]
        self._arguments = ["server", "serve", *arguments, *given]
        self._short_lives = 0
        self._places = [self._start() for _ in range(count)]

    def look(self) -> None:
        """Replace every process that has ended: at once, or `SETTLED` after its start where it ended sooner.

        Raises:
            ProcessFailedError: None of them stays.
        """
        now = time.monotonic()
        for number, place in enumerate(self._places):
            if place.child.alive:
                continue
            if place.ended is None:
                place.ended = now
                log.error("web_process_ended", pid=place.child.pid, lived=round(now - place.since))
                self._short_lives += not place.settled
            if now - place.since >= SETTLED:
                self._places[number] = self._start()
        if any(place.child.alive and place.settled for place in self._places):
            self._short_lives = 0
        elif self._short_lives >= TRIES:
            raise ProcessFailedError("the web processes end as soon as they start")

    def stop(self) -> None:
        """End them all, at the same time."""
        for place in self._places:
            place.child.ask_to_stop()
        end = time.monotonic() + STOP
        for place in self._places:
            place.child.stop(max(0.1, end - time.monotonic()))

    def _start(self) -> _Place:
        return _Place(Child("web", self._arguments, None, listeners=self._descriptors), time.monotonic())


def watch(sockets: Sequence[socket.socket], *, count: int, arguments: Sequence[str]) -> None:
    """Run `count` web processes until this one is told to end."""
    with _told_to_end() as over:
        processes = WebProcesses(sockets, count=count, arguments=arguments)
        try:
            while not over.wait(LOOK):
                processes.look()
        finally:
            processes.stop()


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    over = threading.Event()
    before = {number: signal.signal(number, lambda *_: over.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
