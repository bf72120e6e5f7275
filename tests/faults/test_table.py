"""docs/faults.md: every test that it names exists."""

from __future__ import annotations

import re

from tests.conformance.test_table import ROOT, known_tests

TABLE = ROOT / "docs" / "faults.md"


def test_every_fault_has_a_test_that_exists() -> None:
    table, _, _ = TABLE.read_text("utf-8").partition("\n## ")
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    assert len(rows) > 20
    missing = []
    for fault, holds, tests in rows:
        names = re.findall(r"`([^`]+)`", tests)
        assert all((fault, holds, names))
        for file, _, test in (name.partition("::") for name in names):
            path = ROOT / "tests" / file
            if not path.is_file() or test not in known_tests(path):
                missing.append(f"{file}::{test}")
    assert missing == []
