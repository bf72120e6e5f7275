"""Which status the refusals of the directory, sign-in, consent and the platforms' register have."""

from __future__ import annotations

from http import HTTPStatus

from idp import errors
from idp.directory import errors as directory
from idp.directory.roster.errors import FileTooLargeError
from idp.platforms import errors as platforms
from kernel.errors import XinjiError
from kernel.problems import StatusOf

STATUS_OF: StatusOf = {
    directory.DirectoryError: HTTPStatus.CONFLICT,
    directory.InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    directory.ActivationRefusedError: HTTPStatus.UNAUTHORIZED,
    directory.LookupsExhaustedError: HTTPStatus.TOO_MANY_REQUESTS,
    FileTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.SignInError: HTTPStatus.UNAUTHORIZED,
    errors.LockedError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.PasswordRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.FlowExpiredError: HTTPStatus.CONFLICT,
    errors.FactorNeededError: HTTPStatus.CONFLICT,
    errors.InvalidClientMetadataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PageError: HTTPStatus.BAD_REQUEST,
    errors.GuardianNeededError: HTTPStatus.FORBIDDEN,
    errors.RequestRefusedError: HTTPStatus.CONFLICT,
    errors.RequestGoneError: HTTPStatus.NOT_FOUND,
    errors.TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InvalidLogoutRequestError: HTTPStatus.BAD_REQUEST,
    platforms.FormRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    platforms.FieldError: HTTPStatus.UNPROCESSABLE_ENTITY,
    platforms.OwnFilingError: HTTPStatus.FORBIDDEN,
    platforms.ReasonMissingError: HTTPStatus.UNPROCESSABLE_ENTITY,
    platforms.ValidUntilError: HTTPStatus.UNPROCESSABLE_ENTITY,
    platforms.MinorsNotConfirmedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    platforms.PlatformError: HTTPStatus.CONFLICT,
    platforms.TestClientError: HTTPStatus.FORBIDDEN,
    platforms.MinorsNotApprovedError: HTTPStatus.FORBIDDEN,
    errors.UnknownDeviceCodeError: HTTPStatus.NOT_FOUND,
    errors.DeviceTriesError: HTTPStatus.TOO_MANY_REQUESTS,
}


def status_of(error: XinjiError) -> HTTPStatus:
    """Return the status of a refusal that is shown beside its form."""
    return next((STATUS_OF[cls] for cls in type(error).__mro__ if cls in STATUS_OF), HTTPStatus.UNPROCESSABLE_ENTITY)
