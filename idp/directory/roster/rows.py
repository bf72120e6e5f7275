"""One row of a roster: its cells become checked values, or faults by column. Pure.

All faults of a row are found at once. A blank optional cell is `None` and means: leave
what is stored as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar

from idp.directory.code_tables import country_code, ethnic_code, gender_code, status_code
from idp.directory.days import parse_day, parse_month
from idp.directory.errors import DirectoryError, InputError
from idp.directory.identity_document import IdentityDocument, parse_document, parse_document_type
from idp.directory.input_errors import BirthDiffersError, DocumentTypeError, GenderDiffersError, GenderError
from idp.directory.names import clean_name
from idp.directory.roster.errors import (
    CellMissingError,
    EthnicityError,
    MonthError,
    NationalityError,
    NumberError,
    NumberIdentityError,
    NumberMangledError,
    StudentStatusError,
    TextError,
)

MAX_TEXT: Final = 64
_NUMBER: Final = re.compile(r"[0-9A-Z](?:[0-9A-Z\-]{0,18}[0-9A-Z])?")
_SCIENTIFIC: Final = re.compile(r"\d\.\d+E\+\d+|\dE\+\d+")
# Identity numbers and G/J/L numbers made of them (standards: never a key, never in plain text).
_IDENTITY: Final = re.compile(r"[GJL]?\d{17}[\dX]|[1-9]\d{14}")
T = TypeVar("T")


class Fault(NamedTuple):
    """What is wrong in one cell: the column's key (empty: the row), the error's code and params."""

    column: str
    code: str
    params: dict[str, str | int]

    @classmethod
    def of(cls, column: str, error: DirectoryError) -> Fault:
        """Describe `error` as a fault of `column`."""
        return cls(column, error.code, dict(error.params))


class RosterRow(NamedTuple):
    """A row whose every cell passed. `document` is None where nothing identifies the person."""

    number: str
    name: str
    gender: str
    birthdate: date
    document: IdentityDocument | None
    grade: str | None = None
    class_name: str | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    entered: str | None = None
    status: str | None = None

    def to_json(self) -> list[Any]:
        """Return the row as JSON values, for sealing."""
        document = None if self.document is None else list(self.document)
        return [*self[:3], self.birthdate.isoformat(), document, *self[5:]]

    @classmethod
    def from_json(cls, values: list[Any]) -> RosterRow:
        """Read what `to_json` wrote."""
        number, name, gender, birthdate, document, *rest = values
        sealed = None if document is None else IdentityDocument(*document)
        return cls(number, name, gender, date.fromisoformat(birthdate), sealed, *rest)


def check_row(cells: Mapping[str, str], *, today: date) -> RosterRow | list[Fault]:
    """Check the cells of one row (by column key; columns that the file lacks are absent).

    Returns the row, or everything that is wrong with it.
    """
    return _Check(cells, today).result()


class _Check:
    """Reads one row's cells; gathers the faults on the way."""

    def __init__(self, cells: Mapping[str, str], today: date) -> None:
        self.cells = cells
        self.today = today
        self.faults: list[Fault] = []

    def result(self) -> RosterRow | list[Fault]:
        number = self._required("number", _number)
        name = self._required("name", clean_name)
        gender = self._required("gender", _coded(gender_code, GenderError))
        birthdate = self._required("birthdate", lambda text: parse_day(text, today=self.today))
        nationality = self._optional("nationality", _coded(country_code, NationalityError))
        document = self._document(nationality)
        if document is not None:
            self._compare(document, gender, birthdate)
        grade = self._optional("grade", _text)
        class_name = self._optional("class_name", _text)
        ethnicity = self._optional("ethnicity", _coded(ethnic_code, EthnicityError))
        entered = self._optional("entered", _coded(parse_month, MonthError))
        status = self._optional("status", _coded(status_code, StudentStatusError))
        if self.faults or number is None or name is None or gender is None or birthdate is None:
            return self.faults
        if document is not None and document.index_text is None and not document.number:
            document = None
        return RosterRow(
            number, name, gender, birthdate, document, grade, class_name, ethnicity, nationality, entered, status
        )

    def _required(self, column: str, read: Callable[[str], T]) -> T | None:
        if not self.cells.get(column, ""):
            self.faults.append(Fault.of(column, CellMissingError("the cell is empty")))
            return None
        return self._optional(column, read)

    def _optional(self, column: str, read: Callable[[str], T]) -> T | None:
        text = self.cells.get(column, "")
        if not text:
            return None
        try:
            return read(text)
        except InputError as error:
            self.faults.append(Fault.of(column, error))
            return None

    def _document(self, nationality: str | None) -> IdentityDocument | None:
        """Read the two document cells: no type and no number mean that there is no document."""
        kind, number = self.cells.get("document_type", ""), self.cells.get("document_number", "")
        if not kind and not number:
            return None
        if not kind:
            self.faults.append(Fault.of("document_type", CellMissingError("the cell is empty")))
            return None
        try:
            type_ = parse_document_type(kind)
            return parse_document(type_, number, nationality=nationality)
        except DocumentTypeError as error:
            self.faults.append(Fault.of("document_type", error))
        except InputError as error:
            self.faults.append(Fault.of("document_number", error))
        return None

    def _compare(self, document: IdentityDocument, gender: str | None, birthdate: date | None) -> None:
        if birthdate is not None and document.birthdate not in (None, birthdate):
            self.faults.append(Fault.of("birthdate", BirthDiffersError("not the date in the identity number")))
        if gender in ("1", "2") and document.gender not in (None, gender):
            self.faults.append(Fault.of("gender", GenderDiffersError("not the gender in the identity number")))


def _number(text: str) -> str:
    number = unicodedata.normalize("NFKC", text).strip().upper()
    if _SCIENTIFIC.fullmatch(number):
        raise NumberMangledError("the number was turned into scientific notation")
    if _IDENTITY.fullmatch(number):
        raise NumberIdentityError("an identity number is no student number")
    if not _NUMBER.fullmatch(number):
        raise NumberError("a student number has 1 to 20 letters, digits, hyphens")
    return number


def _text(text: str) -> str:
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if len(tidy) > MAX_TEXT or any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") for sign in tidy):
        raise TextError(f"more than {MAX_TEXT} characters or control characters", limit=MAX_TEXT)
    return tidy


def _coded(read: Callable[[str], str | None], error: type[InputError]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        code = read(text)
        if code is None:
            raise error
        return code

    return parse
