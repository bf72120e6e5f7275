from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3] / "clients" / "javascript"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command in clients/javascript, with the packages that the lock file names."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.fail(f"{tool} is missing: apt-get install nodejs npm (Node 20 or later)")

    def run_here(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done

    if not _installed():
        run_here("npm", "ci", "--prefer-offline", "--no-progress")
    return run_here


def _installed() -> bool:
    """Whether what lies in node_modules was installed from this lock file (npm leaves a copy of it there)."""
    left = PROJECT / "node_modules" / ".package-lock.json"
    return left.exists() and left.stat().st_mtime >= (PROJECT / "package-lock.json").stat().st_mtime
