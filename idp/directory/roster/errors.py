"""What is wrong with a roster: its file, its columns, a cell, or the stage of its import."""

from __future__ import annotations

from idp.directory.errors import DirectoryError, InputError
from kernel.errors import NotFoundError


class CellMissingError(InputError):
    """The cell is empty."""

    code = "cell_missing"


class NumberError(InputError):
    """A student number has 1 to 20 letters, digits, hyphens."""

    code = "student_number"


class NumberMangledError(InputError):
    """A spreadsheet turned the student number into scientific notation."""

    code = "student_number_mangled"


class NumberIdentityError(InputError):
    """A student number is an identity number (or a national number made of one), which is kept encrypted only."""

    code = "student_number_identity"


class TextError(InputError):
    """The text is longer than `limit` characters or holds control characters."""

    code = "text"


class EthnicityError(InputError):
    """This is no ethnic group of GB/T 3304."""

    code = "ethnicity"


class NationalityError(InputError):
    """This is no country of GB/T 2659."""

    code = "nationality"


class MonthError(InputError):
    """This is no year and month."""

    code = "month"


class StudentStatusError(InputError):
    """This is no student status of JY/T 1001."""

    code = "student_status"


class RowTooWideError(InputError):
    """The row has more cells than the header has columns."""

    code = "row_too_wide"


class NumberRepeatedError(InputError):
    """The student number stands in line `first` already."""

    code = "number_repeated"


class DocumentRepeatedError(InputError):
    """The document number stands in line `first` already."""

    code = "document_repeated"


class NumberTakenError(InputError):
    """The school's roster has somebody else under this student number."""

    code = "number_taken"


class DocumentTakenError(InputError):
    """The school's roster has this document under student number `number`."""

    code = "document_taken"


class FileEmptyError(InputError):
    """The file is empty or has no data row."""

    code = "file_empty"


class FileTooLargeError(InputError):
    """The file is larger than `limit` MB."""

    code = "file_too_large"


class FileKindError(InputError):
    """The file is neither CSV nor XLSX."""

    code = "file_kind"


class OldWorkbookError(InputError):
    """An old .xls file or one protected by a password."""

    code = "file_old_workbook"


class FileEncodingError(InputError):
    """The text is neither UTF-8 nor GB18030, first in line `line`."""

    code = "file_encoding"


class FileQuotesError(InputError):
    """A quotation mark is not closed or stands wrong, near line `line`."""

    code = "file_quotes"


class WorkbookBrokenError(InputError):
    """The file cannot be read as an XLSX workbook."""

    code = "file_workbook"


class RowsApartError(InputError):
    """More than `limit` blank rows stand between two rows, near line `line`."""

    code = "rows_apart"


class WorkbookBombError(InputError):
    """The workbook would unpack to far more than a roster needs."""

    code = "file_bomb"


class TooManyRowsError(InputError):
    """The file has more than `limit` rows."""

    code = "rows_too_many"


class TooManyColumnsError(InputError):
    """The file has more than `limit` columns."""

    code = "columns_too_many"


class ColumnsMissingError(InputError):
    """Columns are missing: `columns` (all of them are named)."""

    code = "columns_missing"


class ColumnRepeatedError(InputError):
    """Two columns have the same meaning: `column`."""

    code = "column_repeated"


class ImportUnknownError(NotFoundError):
    """There is no such import at this school."""

    code = "import_unknown"


class ImportStateError(DirectoryError):
    """The import is not at a stage where this can be done."""

    code = "import_state"


class ConfirmationNeededError(DirectoryError):
    """There are wrong rows: importing only the good ones must be ticked."""

    code = "confirmation_needed"


class NothingToImportError(DirectoryError):
    """No row is new or changed."""

    code = "nothing_to_import"


class ImportRunningError(DirectoryError):
    """Another import of this school is being worked on."""

    code = "import_running"


class StaleError(DirectoryError):
    """Somebody else did this step meanwhile; looking again is right."""

    code = "stale"
