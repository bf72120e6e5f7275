"""What credentials refuses, each with a stable code. Knows no HTTP: `routes/problems.py` does."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.errors import NotAllowedError, NotFoundError, TooLargeError, XinjiError


class CredentialError(XinjiError):
    """The base of this folder's own refusals."""

    code = "credential_error"


# What is not there, or not the caller's to see.


class CredentialNotFoundError(NotFoundError):
    """No such credential, or it is another school's or another holder's."""

    code = "credential_not_found"


class BatchNotFoundError(NotFoundError):
    """No such batch, or it is another school's."""

    code = "batch_not_found"


class ShareNotFoundError(NotFoundError):
    """No such share among the holder's own."""

    code = "share_not_found"


class UnknownCredentialTypeError(NotFoundError):
    """No credential type has this `vct`."""

    code = "unknown_credential_type"


# The pure forms.


class InvalidDisclosureError(CredentialError):
    """A disclosure is malformed, or belongs to another credential."""

    code = "invalid_disclosure"


class InvalidStatusListError(CredentialError):
    """A status list is malformed or does not reach the index asked for."""

    code = "invalid_status_list"


class InvalidShareCodeError(CredentialError):
    """A share code has the wrong length, a sign outside the alphabet, or a check sign that does not fit."""

    code = "invalid_share_code"


# Files of graduates.


class SheetError(CredentialError):
    """A file of graduates cannot be read as a whole."""

    code = "sheet_unreadable"


class EmptySheetError(SheetError):
    """The file holds no row under its headings."""

    code = "sheet_empty"


class SheetEncodingError(SheetError):
    """The file is neither UTF-8 nor GBK / GB 18030; `row` is the line of the first wrong byte."""

    code = "sheet_encoding"


class MissingColumnsError(SheetError):
    """Columns are missing: `columns` names all of them at once."""

    code = "sheet_columns_missing"


class RepeatedColumnError(SheetError):
    """Two headings mean the same column."""

    code = "sheet_column_repeated"


class TooManyRowsError(SheetError):
    """The file has `rows` rows; one batch takes at most `limit`."""

    code = "sheet_too_many_rows"


class SheetTooLargeError(TooLargeError):
    """The file, or what it unpacks to, is larger than `limit` MB."""

    code = "sheet_too_large"


# Issuing.


class IssuerNotAllowedError(NotAllowedError):
    """This school may not issue this type: its school type or its accreditation does not cover it."""

    code = "issuer_not_allowed"


class NotAccreditedError(CredentialError):
    """Nobody has accredited the school, or its province's status service, with their present keys."""

    code = "issuer_not_accredited"


class AccreditationUnpublishedError(CredentialError):
    """The accreditation is signed, and the log has not published it yet: wait a little."""

    code = "accreditation_unpublished"


class BatchStateError(CredentialError):
    """The batch is in a state in which this cannot be done."""

    code = "batch_state"


class WrongRowsLeftError(CredentialError):
    """The file has wrong rows and nobody said that they may be left out."""

    code = "batch_wrong_rows"


class NothingToIssueError(CredentialError):
    """No row of the file can be issued."""

    code = "batch_nothing_to_issue"


class SignatureSampleError(CredentialError):
    """An answer of the signer does not verify with the other engine: issuing stops."""

    code = "signature_sample"


# Status.


class StatusTransitionError(CredentialError):
    """A credential in this state cannot change into that one."""

    code = "status_transition"


class UnknownReasonError(CredentialError):
    """The reason is not one of those that fit this change."""

    code = "unknown_reason"


class NothingToCorrectError(CredentialError):
    """The corrected credential would say what the old one says."""

    code = "nothing_to_correct"


class InvalidCorrectionError(CredentialError):
    """Fields of a correction are wrong; `problems` names them as those of a row are named."""

    code = "invalid_correction"

    def __init__(self, message: str, problems: Sequence[object]) -> None:
        """Keep `problems` for the page."""
        super().__init__(message)
        self.problems = tuple(problems)


# Bundles and shares.


class NotPublishedError(CredentialError):
    """The log has not published the credential's entry yet: it cannot be shared or bundled."""

    code = "not_published"


class NothingSelectedError(CredentialError):
    """A share must disclose at least one field."""

    code = "nothing_selected"


class InvalidExpiryError(CredentialError):
    """A share lasts 1 to `limit` days, or until it is withdrawn."""

    code = "invalid_expiry"


class InvalidPinError(CredentialError):
    """A PIN has 4 to 8 digits."""

    code = "invalid_pin"


class PinRequiredError(CredentialError):
    """A child under 14 shares with a PIN only."""

    code = "pin_required"


class ShareExistsError(CredentialError):
    """The form was sent twice: the share exists, and its code was shown once."""

    code = "share_exists"


class ShareUnknownError(NotFoundError):
    """No share has this look-up id."""

    code = "share_unknown"


class ShareExpiredError(CredentialError):
    """The share's time is over."""

    code = "share_expired"


class ShareWithdrawnError(CredentialError):
    """The holder has withdrawn the share."""

    code = "share_withdrawn"


class PinNeededError(CredentialError):
    """The share opens with a PIN; the one given is missing or wrong, `left` tries remain."""

    code = "pin_needed"


class ShareLockedError(CredentialError):
    """Five wrong PINs: the share stays closed, the holder can make a new one."""

    code = "share_locked"


class TooManyLookupsError(CredentialError):
    """This address asks too often: try again in `seconds`."""

    code = "too_many_lookups"
