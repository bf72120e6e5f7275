"""forge attacks the contracts: random arguments, and invariants over random sequences of calls.

256 runs a test in the gate; `XINJI_FORGE_RUNS=20000` for more. Offline: forge and solc come from npm.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[3] / "ledger" / "chain" / "contracts"
FUZZED, INVARIANTS = 8, 6
HAS_FORGE = sys.platform == "linux" and platform.machine() == "x86_64"


@pytest.mark.node
@pytest.mark.timeout(1_500)
@pytest.mark.skipif(not HAS_FORGE, reason="npm has no forge for this machine")
def test_forge_breaks_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, copy, ignore=shutil.ignore_patterns("node_modules", "artifacts"))
    install = ["npm", "ci", "--prefer-offline"]
    subprocess.run(install, cwd=copy, check=True, capture_output=True, timeout=240)
    done = subprocess.run(
        ["node", "forge.mjs", "test"], cwd=copy, check=False, capture_output=True, text=True, timeout=1_200
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    passed = re.findall(r"^\[PASS\] (\w+)", done.stdout, re.MULTILINE)
    assert sum(name.startswith("testFuzz_") for name in passed) == FUZZED
    assert sum(name.startswith("invariant_") for name in passed) == INVARIANTS
