"""What the directory's use cases need besides a session and their input. Built once, at start-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.blind import BlindIndex
from crypto.envelope import FieldVault
from kernel.clock import Clock

LOOKUPS_PER_DAY: Final = 150_000


@dataclass(frozen=True, slots=True)
class DirectoryServices:
    """The vault of personal fields, the keyed indexes, and the clock.

    `index` is for identity documents, `codes` for activation codes: keys of their own.
    `lookups_per_day` caps the blind-index look-ups that one registrar may cause in a day.
    `revoke_access` ends a person's sessions and authenticators when an activation is made
    void; without it that button is not offered.
    """

    vault: FieldVault
    index: BlindIndex
    codes: BlindIndex
    clock: Clock
    lookups_per_day: int = LOOKUPS_PER_DAY
    revoke_access: Callable[[Session, UUID, datetime], None] | None = None
