"""Uploaded tables: encodings, workbooks, bombs, and everything that is no table."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.errors import (
    EmptySheetError,
    SheetEncodingError,
    SheetError,
    SheetTooLargeError,
    TooManyRowsError,
)
from credentials.sheet import MAX_BYTES, read_sheet, write_csv

TEXT = "学号,姓名,专业\r\n20220001,王芳,计算机科学与技术\r\n20220002,陈𠮷睿,法学\r\n"


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def replaced(content: bytes, part: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, data if name == part else old.read(name))
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_each_encoding_gives_the_same_rows(encoding: str) -> None:
    sheet = read_sheet(TEXT.encode(encoding))
    assert sheet.headings == ("学号", "姓名", "专业")
    assert sheet.rows == ((2, ("20220001", "王芳", "计算机科学与技术")), (3, ("20220002", "陈𠮷睿", "法学")))


def test_gbk_is_read() -> None:
    assert read_sheet("学号,姓名\n1,王芳\n".encode("gbk")).rows == ((2, ("1", "王芳")),)


def test_an_unknown_encoding_is_named_with_its_row() -> None:
    with pytest.raises(SheetEncodingError) as caught:
        read_sheet("学号,姓名\n1,".encode() + b"\xff\xff\x80\n")
    assert caught.value.params == {"row": 2}


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_the_one_of_the_headings(delimiter: str) -> None:
    text = TEXT.replace(",", delimiter)
    assert read_sheet(text.encode()).rows[1].cells == ("20220002", "陈𠮷睿", "法学")


def test_rows_keep_their_numbers_across_empty_ones_and_line_breaks_in_cells() -> None:
    sheet = read_sheet('\n学号,姓名\n\n1,"王\n芳"\n,,\n2,李明\n'.encode())
    assert [row.row for row in sheet.rows] == [4, 7]


def test_a_workbook_gives_the_same_rows() -> None:
    content = workbook(
        [
            ["学号", "姓名", "入学日期", "学制", "证书编号", "备注"],
            [20220001, "陈𠮷睿", datetime(2022, 9, 1), 4.0, "104591202605000123", None],  # noqa: DTZ001 - as Excel has it
            [None, None, None, None, None, None],
            ["20220002", " 李明 ", "2022-09-01", 2.5, 104591202605000124, True],
        ]
    )
    sheet = read_sheet(content)
    assert sheet.headings == ("学号", "姓名", "入学日期", "学制", "证书编号", "备注")
    assert sheet.rows[0] == (2, ("20220001", "陈𠮷睿", "2022-09-01", "4", "104591202605000123"))
    # Excel keeps 15 digits: an 18-digit number that came as a number has been rounded.
    assert sheet.rows[1] == (4, ("20220002", "李明", "2022-09-01", "2.5", "1.045912E+17", "True"))


@pytest.mark.parametrize("content", [b"", b"\n\n", "学号,姓名\n".encode(), "学号,姓名\n,\n".encode()])
def test_an_empty_table_is_named(content: bytes) -> None:
    with pytest.raises(EmptySheetError):
        read_sheet(content)


def test_an_empty_workbook_is_named() -> None:
    with pytest.raises(EmptySheetError):
        read_sheet(workbook([["学号", "姓名"]]))


def test_a_hundred_thousand_rows_are_counted_and_refused() -> None:
    content = "学号,姓名\n".encode() + b"1,a\n" * 100_000
    with pytest.raises(TooManyRowsError) as caught:
        read_sheet(content)
    assert caught.value.params == {"rows": 100_000, "limit": 20_000}


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(SheetTooLargeError):
        read_sheet(b"a" * (MAX_BYTES + 1))


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = replaced(workbook([["学号"], [1]]), "xl/worksheets/sheet1.xml", b" " * (70 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(SheetTooLargeError):
        read_sheet(bomb)


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    bomb = bytearray(replaced(workbook([["学号"], [1]]), "xl/worksheets/sheet1.xml", b" " * (70 << 20)))
    claimed = (70 << 20).to_bytes(4, "little")
    while claimed in bomb:
        at = bomb.index(claimed)
        bomb[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(SheetError):
        read_sheet(bytes(bomb))


@pytest.mark.parametrize(
    "inside",
    [
        b"<sheetData><row>" + b"<c/>" * 1_000_000 + b"</row></sheetData>",
        b"<sheetData><row/><row>" + b"<c/>" * 80_000 + b"</row><row/></sheetData>",
        b"<x/>" * 1_000_000,
    ],
)
def test_a_row_of_millions_of_cells_is_refused_unparsed(inside: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    document = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b</worksheet>' % inside
    monkeypatch.setattr("openpyxl.load_workbook", lambda *_args, **_named: pytest.fail("it was parsed"))
    with pytest.raises(SheetTooLargeError):
        read_sheet(replaced(workbook([["学号"], [1]]), "xl/worksheets/sheet1.xml", document))


def test_a_worksheet_under_another_name_is_not_opened() -> None:
    target = "/xl/worksheets/sheet1.xml"
    elsewhere = workbook([["学号"], [1]])
    with zipfile.ZipFile(io.BytesIO(elsewhere)) as archive:
        relations = archive.read("xl/_rels/workbook.xml.rels")
        sheet = archive.read(target[1:])
    assert target.encode() in relations
    moved = replaced(elsewhere, "xl/_rels/workbook.xml.rels", relations.replace(target.encode(), b"/xl/picture.png"))
    with zipfile.ZipFile(grown := io.BytesIO(moved), "a") as archive:
        archive.writestr("xl/picture.png", sheet)
    with pytest.raises(SheetError):
        read_sheet(grown.getvalue())


def test_too_many_parts_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(600):
            archive.writestr(f"part{number}", b"")
    with pytest.raises(SheetTooLargeError):
        read_sheet(buffer.getvalue())


def test_entities_do_not_multiply() -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    document = (
        f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a0 "xxxxxxxxxx">{levels}]>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&a9;</t></is></c></row></sheetData></worksheet>'
    )
    with pytest.raises(SheetError):
        read_sheet(replaced(workbook([["学号"], [1]]), "xl/worksheets/sheet1.xml", document.encode()))


def test_a_row_with_a_huge_number_ends() -> None:
    document = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="99999999999"><c r="A99999999999"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )
    with pytest.raises(SheetError):
        read_sheet(replaced(workbook([["学号"], [1]]), "xl/worksheets/sheet1.xml", document.encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old workbook",
        b"PK\x03\x04 no zip",
        workbook([["学号"], [1]])[:500],
        replaced(workbook([["学号"], [1]]), "xl/workbook.xml", b"<no"),
        replaced(workbook([["学号"], [1]]), "[Content_Types].xml", b"<Types/>"),
        b'a,"b\n1,2\n',
        b"a,b\x00\n1,2\n",
        b",".join(b"x" for _ in range(100)) + b"\n1\n",
        ("a,b\n1," + "x" * 200_000 + "\n").encode(),
    ],
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(SheetError):
        read_sheet(content)


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_named_error(content: bytes) -> None:
    with suppress(SheetError, SheetTooLargeError):
        assert read_sheet(content).rows


cells = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cf")), min_size=1, max_size=20)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_what_is_written_is_read_again(rows: list[tuple[str, str]]) -> None:
    written = [tuple(cell for cell in row) for row in rows if not any(cell.startswith("'") for cell in row)]
    if not written:
        return
    content = "".join(write_csv(("a,", "b"), iter(written))).encode()
    assert [row.cells for row in read_sheet(content).rows] == [tuple(row) for row in written]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "\n=1"])
def test_what_looks_like_a_formula_is_written_as_text(cell: str) -> None:
    text = "".join(write_csv(("a", "b"), iter([(cell, "x")])))
    assert f"'{cell}" in text
