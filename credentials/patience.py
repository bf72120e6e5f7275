"""Bulk work waits for the database's write lock instead of failing: pages do the opposite."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from kernel.db import Database
from kernel.errors import BusyError

_TRIES: Final = 40
_PAUSE: Final = 0.05

Result = TypeVar("Result")


def write_patiently(database: Database, work: Callable[[Session], Result]) -> Result:
    """Run `work` in a transaction of its own; while the lock is held elsewhere, wait and try again.

    Raises:
        BusyError: The lock was not to be had for about ten seconds.
    """
    for _ in range(_TRIES):
        try:
            with database.write() as session:
                return work(session)
        except BusyError:
            time.sleep(_PAUSE)
    with database.write() as session:
        return work(session)
