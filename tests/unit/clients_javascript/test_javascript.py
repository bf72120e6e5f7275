"""The JavaScript verifier passes its own tests, and what is committed is what its sources build."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.clients_javascript.conftest import PROJECT, Run

STATIC = PROJECT.parents[1] / "credentials" / "static"
BUILT = ("verifier.js", "scanner.js", "verify-words.json", "verifier-licences.txt", "VENDORED.md")
ADDRESS = re.compile(r"https?://[^\s\"'`)]+")
HARMLESS = ("http://www.w3.org/2000/svg",)


@pytest.mark.node
def test_node_tests_pass(run: Run) -> None:
    run("npm", "test")


@pytest.mark.node
def test_the_committed_files_are_what_the_sources_build(run: Run, tmp_path: Path) -> None:
    run("node", "--no-warnings", "build.js", "--to", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(BUILT)
    for name in BUILT:
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), f"{name}: run `npm run build`"


def test_the_lock_file_names_no_host_and_every_version_is_exact() -> None:
    lock = (PROJECT / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)
    manifest = json.loads((PROJECT / "package.json").read_text("utf-8"))
    for version in (manifest["dependencies"] | manifest["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_page_asks_nobody_else_and_writes_no_html() -> None:
    for name in ("verifier.js", "scanner.js"):
        text = (STATIC / name).read_text("utf-8")
        assert [found for found in ADDRESS.findall(text) if found not in HARMLESS] == []
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in text, f"{name}: {word}"
