"""docs/conformance.csv: every MUST has a test that exists, or says why it does not apply."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "conformance.csv"
COLUMNS = ["document", "section", "must", "test"]
NOT_APPLICABLE = "not applicable: "


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def known_tests(path: Path) -> set[str]:
    """Return the names of the test functions in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def fault(test: str) -> str | None:
    """Return what is wrong with a cell of the last column, if anything is."""
    if test.startswith(NOT_APPLICABLE):
        return None if len(test) > len(NOT_APPLICABLE) + 10 else "no reason"
    for identifier in test.split():
        file, _, name = identifier.partition("::")
        path = ROOT / "tests" / file
        if not path.is_file() or name not in known_tests(path):
            return f"no such test: {identifier}"
    return None


def test_no_cell_is_empty() -> None:
    assert [row for row in rows() if any(not (row.get(name) or "").strip() for name in COLUMNS) or None in row] == []


def test_every_test_exists_and_every_exception_has_a_reason() -> None:
    found = [(row["document"], row["section"], wrong) for row in rows() if (wrong := fault(row["test"]))]
    assert found == []


def test_no_row_stands_twice() -> None:
    keys = [(row["document"], row["section"], row["must"]) for row in rows()]
    assert len(keys) == len(set(keys))


def test_a_wrong_cell_is_noticed() -> None:
    assert fault("not applicable: ") == "no reason"
    assert fault("conformance/test_table.py::test_missing")
    assert fault("conformance/missing.py::test_x")
    assert fault("conformance/test_table.py::test_no_cell_is_empty") is None
