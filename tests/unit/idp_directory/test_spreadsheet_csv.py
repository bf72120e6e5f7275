"""CSV for spreadsheets: no cell runs as a formula."""

from __future__ import annotations

import csv
import io

import pytest

from idp.directory.spreadsheet_csv import csv_lines, harmless


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_formulas_are_made_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_the_file_opens_in_a_spreadsheet_and_reads_back() -> None:
    text = "".join(csv_lines(["行号", "原因"], [[2, '他说"好", 然后'], [3, "=cmd|' /C calc'!A0"]]))
    assert text.startswith("\ufeff行号,原因\r\n")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[1:] == [["2", '他说"好", 然后'], ["3", "'=cmd|' /C calc'!A0"]]
