"""Rows of a school's graduation table, made into the claims of a diploma. Pure.

Each problem names its row, its column and the reason; all problems of a row are found at
once. Name, gender and birth date of the credential come from the school's roster, never
from the table: the table's name only has to agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker

from credentials import certificate_number
from credentials.directory import Person, School
from credentials.errors import MissingColumnsError, RepeatedColumnError
from credentials.sheet import SheetRow
from credentials.types.codes import CONCLUSIONS, LEVEL_WORDS, LEVELS, STUDY_FORMS
from credentials.types.diploma import DIPLOMA

# Our name of a column, then what tables call it; the first Chinese one names it in messages.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "student_no": ("学号", "student number", "student no", "student id"),
    "name": ("姓名", "name", "full name"),
    "certificate_number": ("证书编号", "毕业证书编号", "毕结业证书编号", "电子注册号", "certificate number"),
    "level": ("学历层次", "层次", "培养层次", "level"),
    "major": ("专业", "专业名称", "major"),
    "study_form": ("学习形式", "study form", "form of study"),
    "study_length": ("学制", "学制年", "study length", "length of study", "years"),
    "entry_date": ("入学日期", "入学时间", "entry date"),
    "graduation_date": ("毕业日期", "毕结业日期", "毕业时间", "graduation date"),
    "conclusion": ("结论", "毕结业结论", "毕业结论", "conclusion"),
    "president": ("校长", "校长姓名", "校院长", "校院长姓名", "president"),
    "issued_on": ("发证日期", "issued on", "date of issue"),
}
OPTIONAL: Final = frozenset({"issued_on"})
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d\d)(\d\d)")
_ROUNDED: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_DOTS: Final = str.maketrans(dict.fromkeys("•・‧∙⋅.．", "·"))
_YEARS: Final = re.compile(r"(\d{1,2}(?:\.\d)?)年?(?:制)?")
_CHINESE_YEARS: Final = dict(zip("一二三四五六七八", range(1, 9), strict=True))
_SOON: Final = timedelta(days=366)
_LONGEST_CELL: Final = 200
_VALIDATOR: Final = Draft202012Validator(DIPLOMA.schema(), format_checker=FormatChecker(["date"]))


class Problem(NamedTuple):
    """What is wrong in one cell: sentences are looked up as `error.row.<code>` and name `params`."""

    row: int
    column: str
    code: str
    params: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each known column stands, and the headings that nobody knows."""

    places: dict[str, int]
    unused: tuple[str, ...]
    width: int


@dataclass(slots=True)
class Graduate:
    """One row as read: `values` are claims; `problems` are all that was found wrong."""

    row: int
    student_no: str
    name: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def reject(self, column: str, code: str, **params: str | int) -> None:
        """Note a problem of this row."""
        self.problems.append(Problem(self.row, column, code, params))


def title_of(column: str) -> str:
    """Return the Chinese heading of one of our columns, or the column's own name."""
    return COLUMNS[column][0] if column in COLUMNS else column


def columns_of(headings: Sequence[str]) -> Columns:
    """Recognise the headings, Chinese or English, in any order.

    Raises:
        MissingColumnsError: Some are missing; all are named.
        RepeatedColumnError: Two headings mean the same column.
    """
    places: dict[str, int] = {}
    unused: list[str] = []
    for place, heading in enumerate(headings):
        column = _ALIASES.get(_heading(heading))
        if column is None:
            unused += [heading[:40]] if heading else []
        elif column in places:
            raise RepeatedColumnError("two headings mean the same column", column=title_of(column))
        else:
            places[column] = place
    missing = [title_of(column) for column in COLUMNS if column not in places and column not in OPTIONAL]
    if missing:
        raise MissingColumnsError(f"{len(missing)} columns are missing", columns="、".join(missing), count=len(missing))
    return Columns(places, tuple(unused), len(headings))


def parse_row(row: SheetRow, columns: Columns, *, today: date) -> Graduate:
    """Read one row's own cells; everything that can be judged without a roster is judged here."""
    cells = {
        column: unicodedata.normalize("NFC", row.cells[place]) if place < len(row.cells) else ""
        for column, place in columns.places.items()
    }
    graduate = Graduate(row.row, cells["student_no"], cells["name"])
    if len(row.cells) > columns.width:
        graduate.reject("", "row_too_wide", width=columns.width, found=len(row.cells))
    for column, text in cells.items():
        if len(text) > _LONGEST_CELL:
            graduate.reject(column, "too_long", limit=_LONGEST_CELL)
        elif not text and column not in OPTIONAL:
            graduate.reject(column, "empty")
    if graduate.problems:
        return graduate
    _read_words(graduate, cells)
    _read_dates(graduate, cells, today)
    _read_number(graduate, cells["certificate_number"])
    return graduate


def complete(graduate: Graduate, *, school: School, person: Person | None) -> dict[str, Any]:
    """Add what roster and school know, judge the whole, and return the claims.

    Problems are added to `graduate.problems`; the claims count only if there are none.
    """
    if not graduate.values:  # Cells are missing: comparing the rest would only add noise.
        return {}
    if person is None:
        graduate.reject("student_no", "student_unknown")
    elif spelled(person.name) != spelled(graduate.name):
        graduate.reject("name", "name_mismatch")
    values = graduate.values
    number, level, day = values.get("certificate_number"), values.get("level"), values.get("graduation_date")
    if number and level and day:
        year = int(day[:4])
        for fault in certificate_number.faults(number, school_code=school.code, graduation_year=year, level=level):
            graduate.reject("certificate_number", fault.code, **fault.params)
    if graduate.problems or person is None:
        return {}
    if values["entry_date"] <= person.birthdate.isoformat():
        graduate.reject("entry_date", "entry_before_birth")
    claims = {
        **values,
        "name": person.name,
        "gender": person.gender,
        "birthdate": person.birthdate.isoformat(),
        "school_name": school.name,
        **({"school_name_en": school.name_en} if school.name_en else {}),
    }
    for path in _schema_faults(claims):
        graduate.reject(path, "schema")
    return claims


def spelled(name: str) -> str:
    """Return a name in the one spelling that is compared: NFC, one kind of dot, no spaces."""
    return "".join(unicodedata.normalize("NFC", name).translate(_DOTS).split()).casefold()


def _read_words(graduate: Graduate, cells: Mapping[str, str]) -> None:
    values = graduate.values
    conclusion = cells["conclusion"]
    if conclusion in CONCLUSIONS:
        values["conclusion"] = conclusion
    else:
        graduate.reject("conclusion", "unknown_word", allowed="、".join(CONCLUSIONS))
    level = unicodedata.normalize("NFKC", cells["level"]).removesuffix("生").replace("研究", "研究生")
    level = level.removesuffix("毕业").removesuffix("结业")
    if cells["level"] in LEVELS:
        values["level"] = cells["level"]
        if conclusion in CONCLUSIONS and not LEVELS[cells["level"]][0].endswith(conclusion):
            graduate.reject("level", "level_conclusion", conclusion=conclusion)
    elif level in LEVEL_WORDS:
        values["level"] = LEVEL_WORDS[level][0 if conclusion != "结业" else 1]
    else:
        graduate.reject("level", "unknown_word", allowed="博士、硕士、本科、专科")
    study_form = cells["study_form"].removeprefix("普通")
    if study_form in STUDY_FORMS:
        values["study_form"] = study_form
    else:
        graduate.reject("study_form", "unknown_word", allowed="、".join(STUDY_FORMS))
    length = _years(cells["study_length"])
    if length is None:
        graduate.reject("study_length", "not_years")
    else:
        values["study_length"] = length
    values["major"], values["president"] = cells["major"], cells["president"]


def _read_dates(graduate: Graduate, cells: Mapping[str, str], today: date) -> None:
    days: dict[str, date] = {}
    for column in ("entry_date", "graduation_date", "issued_on"):
        text = cells.get(column, "")
        day = _day(text)
        if not text:
            continue
        if day is None:
            graduate.reject(column, "not_a_date")
        elif day > today + _SOON:
            graduate.reject(column, "too_far_ahead")
        else:
            days[column] = day
            graduate.values[column] = day.isoformat()
    if "graduation_date" in days and not cells.get("issued_on"):
        graduate.values["issued_on"] = days["graduation_date"].isoformat()
    if "entry_date" in days and "graduation_date" in days and days["entry_date"] >= days["graduation_date"]:
        graduate.reject("graduation_date", "graduation_before_entry")


def _read_number(graduate: Graduate, text: str) -> None:
    number = unicodedata.normalize("NFKC", text).replace(" ", "").replace("-", "")
    if _ROUNDED.fullmatch(number):
        graduate.reject("certificate_number", "number_rounded")
    else:
        graduate.values["certificate_number"] = number


def _day(text: str) -> date | None:
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", text).split(" ")[0].split("T")[0])
    if match is None:
        return None
    year, month, day = (part for part in match.groups() if part is not None)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _years(text: str) -> int | float | None:
    tidy = unicodedata.normalize("NFKC", text)
    if tidy.rstrip("年制") in _CHINESE_YEARS:
        return _CHINESE_YEARS[tidy.rstrip("年制")]
    match = _YEARS.fullmatch(tidy)
    if match is None:
        return None
    years = float(match[1])
    if not 0 < years <= 12 or years * 2 != int(years * 2):  # noqa: PLR2004 - half years, at most twelve
        return None
    return int(years) if years == int(years) else years


def _schema_faults(claims: Mapping[str, Any]) -> list[str]:
    return [str(next(iter(error.path), "")) for error in _VALIDATOR.iter_errors(claims)]


def _heading(text: str) -> str:
    tidy = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s_*()\-:、/.]+", "", tidy)


_ALIASES: Final = {_heading(alias): column for column, aliases in COLUMNS.items() for alias in aliases} | {
    _heading(column): column for column in COLUMNS
}
