"""A part of the benchmark in a process of its own, so that its memory and its processor time are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def start(module: str, *arguments: object, path: Path | None = None) -> subprocess.Popen[str]:
    """Start a module of this package; `path`: where else it finds modules."""
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.ledger.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **({} if path is None else {"PYTHONPATH": str(path)})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def found(module: str, *arguments: object, path: Path | None = None) -> dict[str, Any]:
    """Run a module and return what it printed as JSON in its last line.

    Raises:
        RuntimeError: It failed.
    """
    process = start(module, *arguments, path=path)
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}")
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def tell(result: dict[str, Any]) -> None:
    """Print what was found, for `found`."""
    print(json.dumps(result), flush=True)


def peak_megabytes() -> float:
    """Return the most memory that this process has had resident so far (Linux)."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def family_seconds(parent: int) -> float:
    """Return the processor time of a process and its children, those that have ended included (Linux)."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("ascii").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat.parent.name) == parent:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == parent:
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def parent_of(pid: int) -> int:
    """Return the parent of a process (Linux)."""
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])
