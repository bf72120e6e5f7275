"""The rooms that the import rules know are the rooms there are."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS_TO_RULE = {"tests", "clients", "benchmarks", "deploy", "docs"}


def test_every_package_at_the_root_is_under_the_import_rules() -> None:
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    ruled = set(rules["importlinter"]["root_packages"].split())
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    there = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line}
    assert there - NOT_OURS_TO_RULE == ruled


def test_clients_import_nothing_of_the_server() -> None:
    ours = ("kernel", "crypto", "ledger", "idp", "credentials", "server")
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in (ROOT / "clients").rglob("*.py")
        if "node_modules" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if line.startswith(("import ", "from ")) and line.split()[1].split(".")[0] in ours
    ]
    assert found == []
