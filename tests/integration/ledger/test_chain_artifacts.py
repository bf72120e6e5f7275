"""The committed ABI and bytecode are what the committed sources and versions give."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[3] / "ledger" / "chain" / "contracts"
COMMITTED = CONTRACTS / "artifacts"


@pytest.mark.node
def test_compiling_again_gives_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, copy, ignore=shutil.ignore_patterns("node_modules", "artifacts"))
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=240)
    made = {file.name: file.read_bytes() for file in (copy / "artifacts").iterdir()}
    assert made == {file.name: file.read_bytes() for file in COMMITTED.iterdir()}
    assert made


def test_the_lock_file_names_versions_and_no_place() -> None:
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
    wanted = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version  # Pinned, without ^ or ~.


def test_the_input_is_complete_and_for_the_oldest_chain_we_serve() -> None:
    given = json.loads((COMMITTED / "CheckpointAnchor.input.json").read_text())
    assert given["settings"]["evmVersion"] == "paris"
    source = (CONTRACTS / "src" / "CheckpointAnchor.sol").read_text()
    assert given["sources"]["src/CheckpointAnchor.sol"]["content"] == source
    assert all(set(part) == {"content"} for part in given["sources"].values())
