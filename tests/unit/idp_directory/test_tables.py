"""Roster files: encodings, headings, broken files, bombs. Bytes in, rows or a clear error out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from idp.directory.errors import InputError
from idp.directory.roster import errors
from idp.directory.roster.tables import count_rows, open_table
from idp.directory.roster.workbooks import guard

HEADING = "学号,姓名,性别,出生日期,证件类型,证件号码,班级"
ROW = "2022001,张三,女,1949-12-31,居民身份证,11010519491231002X,1班"
TEXT = f"{HEADING}\n{ROW}\n"


def workbook(*rows: Sequence[object], title: str | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    if title:
        sheet.append([title])
    for row in rows:
        sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/") + ".xml", content)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_every_encoding_gives_the_same_rows(encoding: str) -> None:
    table = open_table(TEXT.encode(encoding))
    assert table.heading.places["document_number"] == 5
    assert list(table.rows) == [(2, ROW.split(","))]


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters(delimiter: str) -> None:
    assert list(open_table(TEXT.replace(",", delimiter).encode()).rows) == [(2, ROW.split(","))]


def test_rare_characters_survive_gb18030() -> None:
    table = open_table(TEXT.replace("张三", "𠮷𠀀三").encode("gb18030"))
    assert next(table.rows)[1][1] == "𠮷𠀀三"


def test_a_title_above_and_english_headings_in_another_order() -> None:
    text = (
        "Roster 2022,,,,,\r\n\r\nNotes,Name *,Student Number,Sex,Date of Birth,ID Type,ID Number\r\n"
        "x,Ann Lee,7,F,2001-01-02,passport,E1234567\r\n"
    )
    table = open_table(text.encode())
    assert table.line == 3
    assert table.heading.places == {
        "name": 1,
        "number": 2,
        "gender": 3,
        "birthdate": 4,
        "document_type": 5,
        "document_number": 6,
    }
    assert table.heading.ignored == ("Notes",)
    assert [line for line, _ in table.rows] == [4]


def test_three_missing_columns_are_named_all_at_once() -> None:
    with pytest.raises(errors.ColumnsMissingError) as caught:
        open_table("学号,性别,证件类型\n1,男,1\n".encode())
    assert caught.value.params == {"columns": "姓名、出生日期、证件号码", "count": 3}


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(errors.ColumnRepeatedError) as caught:
        open_table(f"{HEADING},身份证号\n{ROW},1\n".encode())
    assert caught.value.params == {"column": "证件号码"}


def test_lines_count_physical_lines_and_blank_rows_are_skipped() -> None:
    text = f'{HEADING}\n\n"2022\n001",张三,女,1949-12-31,1,,\n,,,,,,\n{ROW}\n'
    assert [line for line, _ in open_table(text.encode()).rows] == [3, 6]


@pytest.mark.parametrize("cell", ['"=""0123"""', "'0123", "0123\t", "\u30000123 "])
def test_what_spreadsheets_put_around_numbers_is_taken_off(cell: str) -> None:
    table = open_table(f"{HEADING}\n{cell},a,b,c,d,e,f\n".encode())
    assert next(table.rows)[1][0] == "0123"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", errors.FileEmptyError),
        (b" \r\n ", errors.FileEmptyError),
        (b"\xef\xbb\xbf", errors.FileEmptyError),
        (b"\xd0\xcf\x11\xe0" + bytes(600), errors.OldWorkbookError),
        (b"%PDF-1.7\x00\x00\x01", errors.FileKindError),
        (b"PK\x03\x04 not a zip", errors.WorkbookBrokenError),
        (b"hello world", errors.ColumnsMissingError),
        ((HEADING + "\n").encode(), errors.FileEmptyError),
        ((HEADING + ",x" * 60 + "\n" + ROW).encode(), errors.TooManyColumnsError),
    ],
)
def test_files_that_are_no_roster(content: bytes, error: type[InputError]) -> None:
    with pytest.raises(error):
        count_rows(content)


def test_undecodable_text_names_the_line() -> None:
    content = TEXT.encode() + b"1,\xff\xff\xff,x\n"
    with pytest.raises(errors.FileEncodingError) as caught:
        open_table(content)
    assert caught.value.params == {"line": 3}


def test_an_open_quotation_mark_names_the_line() -> None:
    with pytest.raises(errors.FileQuotesError) as caught:
        count_rows(f'{TEXT}"2022002,李四\n{ROW}\n'.encode())
    assert caught.value.params == {"line": 3}
    with pytest.raises(errors.FileQuotesError):
        count_rows(f'{HEADING}\n"20"x,李四\n'.encode())


def test_a_huge_cell_is_refused_not_kept() -> None:
    with pytest.raises(errors.FileQuotesError):
        count_rows(f'{HEADING}\n"{"x" * 200_000}",b\n'.encode())


def test_a_hundred_thousand_rows_are_accepted_and_one_more_is_not() -> None:
    rows = (ROW + "\n") * 100_000
    assert count_rows(f"{HEADING}\n{rows}".encode("gbk"))[1] == 100_000
    with pytest.raises(errors.TooManyRowsError) as caught:
        count_rows(f"{HEADING}\n{rows}{ROW}\n".encode())
    assert caught.value.params == {"limit": 100_000}


def test_a_file_above_the_limit_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(errors.FileTooLargeError) as caught:
        open_table(bytes(32 * 2**20 + 1))
    assert caught.value.params == {"limit": 32}


def test_a_workbook_gives_the_rows_of_the_csv() -> None:
    content = workbook(
        list(HEADING.split(",")),
        [20220000001, "张三", "女", date(1949, 12, 31), "居民身份证", "11010519491231002X", 1.0],
        [],
        ["2022002", "李四", "男", datetime(2001, 2, 3), 1, 410102199003074499, None],  # noqa: DTZ001 - a cell has no zone
        title="2022级学生名册",
    )
    table, count = count_rows(content)
    assert (table.kind, table.line, count) == ("xlsx", 2, 2)
    rows = list(open_table(content).rows)
    assert rows[0] == (3, ["20220000001", "张三", "女", "1949-12-31", "居民身份证", "11010519491231002X", "1"])
    assert rows[1] == (5, ["2022002", "李四", "男", "2001-02-03", "1", "4.10102E+17"])


def test_the_sheet_with_the_heading_is_taken() -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["说明", "请勿修改"])
    second = book.create_sheet("名册")
    second.append(HEADING.split(","))
    second.append(ROW.split(","))
    buffer = io.BytesIO()
    book.save(buffer)
    assert count_rows(buffer.getvalue())[1] == 1


def test_a_row_far_below_is_refused() -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(HEADING.split(","))
    book.active.cell(row=900_000, column=1, value="x")
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(errors.RowsApartError):
        count_rows(buffer.getvalue())


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("ratio", lambda: zipped(a=b"\0" * 50_000_000)),
        ("size", lambda: zipped(**{f"e{n}": bytes(1_000_000) for n in range(300)})),
        ("entries", lambda: zipped(**{f"e{n}": b"x" for n in range(600)})),
        (
            "one row of many cells",
            lambda: zipped(xl__s=SHEET % (b'<row r="1"/><row r="2">' + b"<c/>" * 90_000 + b"</row><row/>")),
        ),
        ("much without rows", lambda: zipped(xl__s=b"".join(b"<a n='%d'/>" % n for n in range(400_000)))),
        ("entities", lambda: zipped(xl__s=b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + SHEET % b"<row/>")),
    ],
)
def test_bombs_are_refused_before_they_are_parsed(name: str, make: Callable[[], bytes]) -> None:
    content = make()
    assert len(content) < 4_000_000, name
    with pytest.raises(errors.WorkbookBombError):
        guard(content)
    with pytest.raises(errors.WorkbookBombError):
        open_table(content)


@pytest.mark.parametrize("first", [b"<?xml version='1.0'?>", b" \n", b"\xef\xbb\xbf"])
def test_a_sheet_under_the_name_of_a_picture_is_looked_through(first: bytes) -> None:
    sheet = first + SHEET % (b'<row r="1"/><row r="2">' + b"<c/>" * 90_000 + b"</row><row/>")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/photo.png", sheet)
    with pytest.raises(errors.WorkbookBombError):
        guard(buffer.getvalue())


def test_more_rows_than_a_roster_has_are_counted_without_parsing() -> None:
    rows = b"".join(b'<row r="%d"/>' % n for n in range(100_011))
    with pytest.raises(errors.TooManyRowsError):
        guard(zipped(xl__s=SHEET % rows))


def test_rows_are_counted_once_across_reading_windows() -> None:
    rows = b"".join(
        b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>x</t></is></c></row>' % (n, n) for n in range(1, 20_001)
    )
    assert guard(zipped(xl__s=SHEET % rows)) == 20_000


def test_an_archive_that_lies_about_a_size_is_broken() -> None:
    content = bytearray(zipped(xl__s=SHEET % b'<row r="1"/>'))
    at = content.rindex(b"PK\x01\x02") + 24  # The central directory's uncompressed size.
    content[at : at + 4] = (5).to_bytes(4, "little")
    with pytest.raises(InputError):
        count_rows(bytes(content))


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    with pytest.raises(errors.WorkbookBrokenError):
        count_rows(zipped(a=b"<a/>"))
    with pytest.raises(errors.WorkbookBrokenError):
        count_rows(workbook(HEADING.split(","))[:-200])


def test_too_many_strings_and_pictures() -> None:
    words = b"".join(b"<si><t>%x</t></si>" % (n * 2_654_435_761 % 2**32) for n in range(1_700_000))
    assert len(words) > 32 * 2**20
    with pytest.raises(errors.WorkbookBombError):
        guard(zipped(xl__sharedStrings=b"<sst>%s</sst>" % words))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/media/photo.png", b"\x89PNG" + bytes(6 * 2**20))
    assert guard(buffer.getvalue()) == 0


def test_a_workbook_without_rows_is_empty() -> None:
    with pytest.raises(errors.FileEmptyError):
        count_rows(workbook())
