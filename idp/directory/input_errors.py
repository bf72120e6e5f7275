"""What is wrong with a code, a number, a name or a date, one class a reason. Knows no HTTP.

The params name the place and, where a rule gives it, the right value; they never carry
what somebody else stored.
"""

from __future__ import annotations

from idp.directory.errors import InputError


class EidLengthError(InputError):
    """A person number has 14 signs; `length` were given."""

    code = "eid_length"


class EidSignError(InputError):
    """The sign at `place` cannot stand there in a person number."""

    code = "eid_sign"


class EidCheckError(InputError):
    """The check sign does not fit: a sign is wrong or two are swapped."""

    code = "eid_check"


class ActivationCodeFormError(InputError):
    """An activation code was mistyped: its length, a sign or the check sign is wrong."""

    code = "activation_code_form"


class SchoolCodeLengthError(InputError):
    """A school code has 10 digits; `length` were given."""

    code = "school_code_length"


class SchoolCodeDigitError(InputError):
    """What stands at `place` of a school code is no digit."""

    code = "school_code_digit"


class SchoolCodeOrderError(InputError):
    """Province and type are swapped: digits 1-2 are the type, 3-4 the province."""

    code = "school_code_order"


class SchoolTypeError(InputError):
    """Digits 1-2 are no school type."""

    code = "school_code_type"


class SchoolProvinceError(InputError):
    """Digits 3-4 are no province."""

    code = "school_code_province"


class SchoolSerialError(InputError):
    """Digit 5 of a college's code is 0, before its old 5-digit code."""

    code = "school_code_serial"


class PlaceLengthError(InputError):
    """An administrative code has 6 digits; `length` were given."""

    code = "place_length"


class PlaceDigitError(InputError):
    """What stands at `place` of an administrative code is no digit."""

    code = "place_digit"


class PlaceProvinceError(InputError):
    """Digits 1-2 of an administrative code are no province."""

    code = "place_province"


class PlaceUnknownError(InputError):
    """There is no such city in the table of this province."""

    code = "place_unknown"


class PlaceRetiredError(InputError):
    """The administrative code was in force until `until` only."""

    code = "place_retired"


class PlaceFutureError(InputError):
    """The administrative code is in force from `since` on."""

    code = "place_future"


class UsccLengthError(InputError):
    """A unified social credit code has 18 characters; `length` were given."""

    code = "uscc_length"


class UsccSignError(InputError):
    """The sign at `place` cannot stand there in a unified social credit code."""

    code = "uscc_sign"


class UsccInnerCheckError(InputError):
    """Character 17, the check of the organisation code inside, should be `expected`."""

    code = "uscc_inner_check"


class UsccCheckError(InputError):
    """The last character of a unified social credit code should be `expected`."""

    code = "uscc_check"


class DocumentTypeError(InputError):
    """This is no kind of identity document."""

    code = "document_type"


class DocumentNumberMissingError(InputError):
    """This kind of identity document needs its number."""

    code = "document_missing"


class DocumentMangledError(InputError):
    """A spreadsheet turned the long number into scientific notation; its last digits are lost."""

    code = "document_mangled"


class DocumentLengthError(InputError):
    """A number of this kind has `expected` characters; `length` were given."""

    code = "document_length"


class DocumentFormError(InputError):
    """The number does not have the form of this kind of document."""

    code = "document_form"


class DocumentProvinceError(InputError):
    """The first two digits of the identity number are no province."""

    code = "document_province"


class DocumentBirthError(InputError):
    """Digits 7-14 of the identity number are no date."""

    code = "document_birth"


class DocumentCheckError(InputError):
    """The last sign of the identity number should be `expected`."""

    code = "document_check"


class DocumentCountryError(InputError):
    """A passport needs the nationality beside it."""

    code = "document_country"


class NameMissingError(InputError):
    """The name is empty."""

    code = "name_missing"


class NameLengthError(InputError):
    """The name is longer than `limit` characters."""

    code = "name_length"


class NameControlError(InputError):
    """The name holds an invisible or control character at `place` (`point`)."""

    code = "name_control"


class NamePrivateError(InputError):
    """The name holds a private-use character at `place` (`point`) that others cannot display."""

    code = "name_private"


class NameDamagedError(InputError):
    """The name holds a replacement mark: a character was lost in conversion."""

    code = "name_damaged"


class NameSignError(InputError):
    """The sign at `place` (`point`) does not belong in a name."""

    code = "name_sign"


class DayError(InputError):
    """This is no date."""

    code = "day"


class DayRangeError(InputError):
    """The date is before 1900 or in the future."""

    code = "day_range"


class BirthDiffersError(InputError):
    """The date of birth is not the one in the identity number."""

    code = "birth_differs"


class GenderDiffersError(InputError):
    """The gender is not the one in the identity number."""

    code = "gender_differs"


class GenderError(InputError):
    """This is no gender of GB/T 2261.1."""

    code = "gender"
