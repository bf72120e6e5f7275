"""What the use cases of this folder are given: built once by server/app.py, shared by all requests.

Everything that may be remote or that tests replace is a Protocol here: Clock, Signer,
LogWriter, Directory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from credentials.addresses import Addresses
from credentials.directory import Directory
from credentials.lookup_limits import LookupLimits
from credentials.sampling import Sampler
from crypto.blind import BlindIndex
from crypto.envelope import FieldVault
from crypto.signing import Signer
from kernel.clock import Clock
from kernel.db import Database
from ledger.storage.tiles import Tiles
from ledger.submission import LogWriter

AnchorOf = Callable[[Session, int, int], Mapping[str, Any] | None]


def _no_anchor(_session: Session, _tree_size: int, _shard: int) -> None:
    """Know no anchor: the chain is slower than the log, and may be absent."""


@dataclass(frozen=True, slots=True)
class CredentialServices:
    """All that credentials needs of the installation.

    `share_key` is K_share of design.md §4; `approval_key` makes the MACs that the signer wants
    before it signs a batch; `data_dir` is where status files lie; `anchor_of` returns the first
    anchor that covers a tree size of a shard, as bundles carry it; `log_window` is how long the log
    gathers entries before it publishes them, which pages tell, `log_window_of_few` the same for schools with
    few holders.
    """

    database: Database
    clock: Clock
    signer: Signer
    log: LogWriter
    tiles: Tiles
    directory: Directory
    vault: FieldVault
    blind: BlindIndex
    share_key: bytes
    approval_key: bytes
    addresses: Addresses
    data_dir: Path
    status_interval: timedelta = timedelta(hours=6)
    status_lifetime: timedelta = timedelta(hours=24)
    limits: LookupLimits = field(default_factory=LookupLimits)
    sampler: Sampler = field(default_factory=Sampler)
    trust_file: Callable[[], bytes | None] = lambda: None
    anchor_of: AnchorOf = _no_anchor
    log_window: timedelta = timedelta(0)
    log_window_of_few: timedelta = timedelta(0)

    @property
    def status_folder(self) -> Path:
        """The folder of the published status lists."""
        return self.data_dir / "status"
