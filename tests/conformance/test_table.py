"""docs/conformance.csv and docs/certification.md: what they list has a test that exists, or a reason to have none."""

from __future__ import annotations

import ast
import csv
import re
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "conformance.csv"
PLANS = ROOT / "docs" / "certification.md"
COLUMNS = ["document", "section", "must", "test"]
NOT_APPLICABLE = "not applicable: "
EXPECTED_PLANS = {
    *(f"oidcc-{name}-certification-test-plan" for name in ("basic", "config", "dynamic", "formpost-basic")),
    *(f"oidcc-{name}-certification-test-plan" for name in ("implicit", "hybrid", "rp-initiated-logout")),
    *(f"oidcc-{name}-rp-initiated-logout-certification-test-plan" for name in ("backchannel", "frontchannel")),
    *(f"fapi2-{name}-final-test-plan" for name in ("security-profile", "message-signing")),
}


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@cache
def known_tests(path: Path) -> set[str]:
    """Return the names of the test functions in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def modules() -> dict[str, list[tuple[str, str, str]]]:
    """Return the rows of each plan: the module, what it wants, and the cell of its test."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for line in PLANS.read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"## (\S+-test-plan)", line):
            plan = found.setdefault(heading[1], [])
        elif line.startswith("| ") and not line.startswith("| Module "):
            module, wants, cell = (part.strip() for part in line.strip("| ").split(" | "))
            plan.append((module, wants, cell))
    return found


def steps(section: str) -> list[tuple[bool, int, str]]:
    """Return the numbers of a section, to be compared as numbers."""
    parts = re.findall(r"\d+|[^\d.\-, ]+", section)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


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


def test_rows_of_a_document_stand_together_by_section() -> None:
    documents = [(name, list(group)) for name, group in groupby(rows(), lambda row: row["document"])]
    assert len({name for name, _ in documents}) == len(documents)
    for name, group in documents:
        for before, after in pairwise(group):
            assert steps(before["section"]) <= steps(after["section"]), (name, before, after)


def test_every_module_of_the_official_plans_has_a_test_or_a_reason() -> None:
    plans = modules()
    assert plans.keys() == EXPECTED_PLANS
    for plan, listed in plans.items():
        names = [module for module, _, _ in listed]
        assert names, plan
        assert len(set(names)) == len(names), plan
        for module, wants, cell in listed:
            cited = re.findall(r"`([^`]+)`", cell)
            assert wants, (plan, module)
            assert cited or (fault(cell) is None and cell.startswith(NOT_APPLICABLE)), (plan, module)
            assert [wrong for test in cited if (wrong := fault(test))] == [], (plan, module)


def test_a_wrong_cell_is_noticed() -> None:
    assert fault("not applicable: ") == "no reason"
    assert fault("conformance/test_table.py::test_missing")
    assert fault("conformance/missing.py::test_x")
    assert fault("conformance/test_table.py::test_no_cell_is_empty") is None
