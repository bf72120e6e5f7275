"""The demo's second organisation: a witness with a process, keys and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from kernel.clock import SystemClock
from ledger.witness.keys import create_witness
from server.processes import Child
from server.settings import Installation, Settings, Witness

ORGANISATION: Final = "示范见证单位"
NAME: Final = "witness.demo.invalid/w1"


def witness_folder(settings: Settings) -> Path:
    """Return the witness's own folder: beside the data folder, as another organisation's would be elsewhere."""
    return settings.data_dir.with_name(settings.data_dir.name + ".witness")


def demo_witness(settings: Settings, port: int) -> Witness:
    """Make the witness's keys where they are missing; return it as the installation names it."""
    keys = create_witness(witness_folder(settings), NAME, SystemClock())
    return Witness(organisation=ORGANISATION, url=f"http://127.0.0.1:{port}", vkeys=[str(key) for key in keys])


@contextmanager
def running_witness(settings: Settings, installation: Installation, log_vkeys: Sequence[str]) -> Iterator[Child | None]:
    """Run the demo's witness meanwhile; a production installation has no such companion."""
    if not installation.demo:
        yield None
        return
    url = httpx.URL(installation.witnesses[0].url)
    child = Child(
        "witness",
        [
            *("server", "witness", "--folder", str(witness_folder(settings)), "--name", NAME),
            *("--host", url.host, "--port", str(url.port)),
            *(word for key in log_vkeys for word in ("--log", key)),
        ],
        settings.data_dir / "logs" / "witness.log",
    )
    try:
        yield child  # Nobody waits for it: the log publishes when it answers.
    finally:
        child.stop()


def answers(address: str) -> bool:
    """Whether something answers there."""
    try:
        return httpx.get(address, timeout=2, trust_env=False).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    except httpx.HTTPError:
        return False
