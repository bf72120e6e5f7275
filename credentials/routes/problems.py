"""Which status each refusal of this folder has at the edge."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from credentials import errors
from kernel.errors import XinjiError
from kernel.problems import STATUS_OF as KERNEL
from kernel.problems import StatusOf

STATUS_OF: Final[StatusOf] = {
    errors.InvalidDisclosureError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidStatusListError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidShareCodeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SheetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAccreditedError: HTTPStatus.CONFLICT,
    errors.AccreditationUnpublishedError: HTTPStatus.CONFLICT,
    errors.BatchStateError: HTTPStatus.CONFLICT,
    errors.WrongRowsLeftError: HTTPStatus.CONFLICT,
    errors.NothingToIssueError: HTTPStatus.CONFLICT,
    errors.SignatureSampleError: HTTPStatus.BAD_GATEWAY,
    errors.StatusTransitionError: HTTPStatus.CONFLICT,
    errors.UnknownReasonError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NothingToCorrectError: HTTPStatus.CONFLICT,
    errors.InvalidCorrectionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotPublishedError: HTTPStatus.CONFLICT,
    errors.NothingSelectedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidExpiryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidPinError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PinRequiredError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ShareExistsError: HTTPStatus.CONFLICT,
    errors.ShareExpiredError: HTTPStatus.GONE,
    errors.ShareWithdrawnError: HTTPStatus.GONE,
    errors.PinNeededError: HTTPStatus.UNAUTHORIZED,
    errors.ShareLockedError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyLookupsError: HTTPStatus.TOO_MANY_REQUESTS,
}


def status_of(error: XinjiError) -> HTTPStatus:
    """Return the status of one of this folder's refusals."""
    table = {**KERNEL, **STATUS_OF}
    return next((table[cls] for cls in type(error).__mro__ if cls in table), HTTPStatus.BAD_REQUEST)
