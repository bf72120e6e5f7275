"""Find the validators' program, which an optional package brings, and run it with an environment of its own."""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.chain.errors import ChainEngineError

PACKAGE: Final = "injective_core"
INSTALL: Final = "python -m pip install -r requirements-bft.lock"
_SECONDS: Final = 60


class Binary:
    """The validators' program."""

    def __init__(self, path: Path) -> None:
        """Use the program at `path`; its libraries lie beside it."""
        self.path = path

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment it is run in: a small machine's share of threads and heap for each validator."""
        folder = str(self.path.parent)
        return {"LD_LIBRARY_PATH": folder, "HOME": folder, "GOMAXPROCS": "2", "GOMEMLIMIT": "300MiB"}

    def run(self, *arguments: str) -> str:
        """Run it to its end and return what it printed.

        Raises:
            ChainEngineError: It failed.
        """
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [str(self.path), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ChainEngineError(f"{self.path.name} {arguments[0]} failed: {done.stderr.strip()[-300:]}")
        return done.stdout


def find_binary(package: str = PACKAGE) -> Binary:
    """Return the validators' program. The package unpacks it, 240 MB, when it is asked for the first time.

    Raises:
        ChainEngineError: It is not installed, or there is none for this machine.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ChainEngineError(f"the validators' binary is not installed: {INSTALL}")
    with _alone(Path(spec.origin).parent):
        try:
            return Binary(Path(importlib.import_module(package).get_binary_path()))
        except OSError as error:
            raise ChainEngineError(f"the validators' binary cannot be used: {error}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep two processes from unpacking at once."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
