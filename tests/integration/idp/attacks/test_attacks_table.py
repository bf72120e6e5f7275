"""docs/attacks.md: every defence and every test that it names exists."""

from __future__ import annotations

import re

from tests.conformance.test_table import ROOT, known_tests

TABLE = ROOT / "docs" / "attacks.md"


def rows() -> list[list[str]]:
    lines = TABLE.read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return cells[1:]


def test_every_row_has_a_defence_and_a_test() -> None:
    assert len(rows()) > 40
    for row in rows():
        assert len(row) == 3, row
        assert all("`" in cell for cell in row[1:]), row


def test_every_defence_is_a_file() -> None:
    missing = [path for row in rows() for path in re.findall(r"`([^`]+)`", row[1]) if not (ROOT / path).is_file()]
    assert missing == []


def test_every_test_exists() -> None:
    missing = []
    for name in (name for row in rows() for name in re.findall(r"`([^`]+)`", row[2])):
        file, _, test = name.partition("::")
        path = ROOT / "tests" / file
        if not path.is_file() or test not in known_tests(path):
            missing.append(name)
    assert missing == []
