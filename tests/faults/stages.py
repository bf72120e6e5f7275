"""Where in its work a process is: a page of memory that outlives its `kill -9`.

The process writes into a file that is mapped into its memory, and whoever killed it reads what stands
there: which steps were begun and not ended, and how often each was begun.
"""

from __future__ import annotations

import mmap
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

STAGES: Final = (
    # Steps that hold others come first.
    "issuing a batch",
    "signing credentials",
    "storing credentials",
    "publishing status lists",
    "chaining the audit trail",
    "integrating",
    "deploying",
    "beginning an anchor",
    "anchoring",
    "telling an entry",
    "giving indices",
    "making tiles",
    "asking a witness",
    "publishing in the database",
    "writing a step of a transaction",
    "signing a transaction",
    "checking growth",
    "remembering a head",
    "cosigning",
    "signing a checkpoint",
    "mining a block",
    "writing tiles",
    "syncing a file",
    "removing partial tiles",
    "committing",
)
_CELL: Final = struct.Struct("<II")  # How many are open, how many were begun.
_AT: Final = {stage: _CELL.size * (place + 1) for place, stage in enumerate(STAGES)}
_POLL: Final = 0.0005


class Board:
    """The stages of one process. The first cell says whether it is ready, and how many were begun by then."""

    def __init__(self, path: Path) -> None:
        """Map the file at `path`, which is made where it is missing."""
        size = _CELL.size * (len(STAGES) + 1)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)
        self._lock = threading.Lock()

    def tell_ready(self) -> None:
        """Say that the work begins."""
        self._memory[1] = sum(self.begun.values()) % 256
        self._memory[0] = 1

    @property
    def is_ready(self) -> bool:
        """Whether the work has begun."""
        return self._memory[0] == 1

    @property
    def open(self) -> tuple[str, ...]:
        """The stages that were begun and not ended."""
        return tuple(stage for stage in STAGES if self._cell(stage)[0])

    @property
    def begun(self) -> dict[str, int]:
        """How often each stage was begun."""
        return {stage: self._cell(stage)[1] for stage in STAGES if self._cell(stage)[1]}

    def wait_for(self, stage: str, seconds: float) -> bool:
        """Wait until `stage` is open; False if it was not in time."""
        end = time.monotonic() + seconds
        while not self._cell(stage)[0]:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL)
        return True

    def wait_for_any(self, seconds: float) -> None:
        """Wait until a stage was begun since it was ready."""
        end = time.monotonic() + seconds
        while sum(self.begun.values()) % 256 == self._memory[1] and time.monotonic() < end:
            time.sleep(_POLL)

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """Show that a stage is open meanwhile."""
        self._move(stage, 1)
        try:
            yield
        finally:
            self._move(stage, -1)

    def watch(self, owner: Any, name: str, stage: str | Callable[..., str]) -> None:
        """Show `stage` (or what it gives for the arguments) whenever `owner`'s function `name` runs."""
        real = getattr(owner, name)

        @wraps(real)
        def watched(*args: Any, **values: Any) -> Any:
            with self.at(stage if isinstance(stage, str) else stage(*args)):
                return real(*args, **values)

        setattr(owner, name, watched)

    def _cell(self, stage: str) -> tuple[int, int]:
        opened, begun = _CELL.unpack_from(self._memory, _AT[stage])
        return opened, begun

    def _move(self, stage: str, by: int) -> None:
        with self._lock:
            opened, begun = self._cell(stage)
            _CELL.pack_into(self._memory, _AT[stage], opened + by, begun + max(by, 0))
