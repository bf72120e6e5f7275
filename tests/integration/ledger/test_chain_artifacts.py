"""The committed ABI and bytecode are what the committed sources and versions give."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.chain.artifact import CONTRACTS as CONTRACT_NAMES
from ledger.chain.artifact import load_artifact

CONTRACTS = Path(__file__).parents[3] / "ledger" / "chain" / "contracts"
COMMITTED = CONTRACTS / "artifacts"
CONTRACTS_OF_OURS: Sequence[str] = CONTRACT_NAMES
LARGEST_CODE = 24_576  # EIP-170.


@pytest.mark.node
def test_compiling_again_gives_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, copy, ignore=shutil.ignore_patterns("node_modules", "artifacts"))
    for command in (["npm", "ci", "--omit=optional", "--prefer-offline"], ["npm", "run", "build"]):
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
    package = json.loads((CONTRACTS / "package.json").read_text())
    for name, version in (package["devDependencies"] | package["optionalDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version  # Pinned, without ^ or ~.


@pytest.mark.parametrize("name", CONTRACTS_OF_OURS)
def test_the_input_is_complete_and_for_the_oldest_chain_we_serve(name: str) -> None:
    given = json.loads((COMMITTED / f"{name}.input.json").read_text())
    assert given["settings"]["evmVersion"] == "paris"
    assert f"src/{name}.sol" in given["sources"]
    for place, part in given["sources"].items():
        assert set(part) == {"content"}
        if place.startswith("src/"):
            assert part["content"] == (CONTRACTS / place).read_text()


def test_every_contract_has_its_artifact_and_fits_on_a_chain() -> None:
    assert sorted(CONTRACTS_OF_OURS) == sorted(path.stem for path in (CONTRACTS / "src").glob("*.sol"))
    for name in CONTRACTS_OF_OURS:
        assert 0 < len(load_artifact(name).deployed) <= LARGEST_CODE
