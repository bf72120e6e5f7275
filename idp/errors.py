"""What sign-in, sessions, consent and the platforms' register refuse. Knows no HTTP and names no secret."""

from __future__ import annotations

from kernel.errors import XinjiError


class IdpError(XinjiError):
    """The base of what this folder refuses."""

    code = "idp"


class SignInError(IdpError):
    """The base of refusals at sign-in: the form is shown again with the sentence beside it."""

    code = "sign_in"


class WrongCredentialsError(SignInError):
    """Person number and password do not fit, or there is no such account: never said which."""

    code = "wrong_credentials"


class LockedError(SignInError):
    """Too many wrong tries for this account from devices it does not know; `minutes` remain."""

    code = "locked"


class TooManyAttemptsError(SignInError):
    """Most sign-ins from this address fail; `minutes` remain."""

    code = "too_many_attempts"


class WrongCodeError(SignInError):
    """The second factor's code is wrong, was used already, or is too old."""

    code = "wrong_code"


class FactorSuspendedError(SignInError):
    """The authenticator was suspended after too many wrong codes: a recovery code still opens."""

    code = "factor_suspended"


class FlowExpiredError(SignInError):
    """This step was started too long ago, or in another browser."""

    code = "flow_expired"


class PasswordRefusedError(SignInError):
    """A new password breaks a rule."""

    code = "password_refused"


class PasswordTooShortError(PasswordRefusedError):
    """Fewer than `minimum` characters."""

    code = "password_too_short"


class PasswordTooLongError(PasswordRefusedError):
    """More than `maximum` characters: hashing must stay bounded."""

    code = "password_too_long"


class PasswordCommonError(PasswordRefusedError):
    """It is in the list of passwords that attackers try first."""

    code = "password_common"


class PasswordTooSimpleError(PasswordRefusedError):
    """It has fewer than `kinds` kinds of signs."""

    code = "password_too_simple"


class PasswordIsLoginError(PasswordRefusedError):
    """It holds the person number."""

    code = "password_is_login"


class PasswordMismatchError(PasswordRefusedError):
    """The two entries differ."""

    code = "password_mismatch"


class FactorNeededError(IdpError):
    """Staff may replace their second factor, but not be without one."""

    code = "factor_needed"


class InvalidClientMetadataError(IdpError):
    """A platform's registration breaks a rule; `field` and `reason` say which."""

    code = "invalid_client_metadata"


class PageError(IdpError):
    """The base of what the authorization endpoint may not redirect: client or redirect_uri cannot be trusted."""

    code = "authorization_page"


class UnknownClientError(PageError):
    """No registered platform has this client_id, or it is blocked."""

    code = "unknown_client"


class UnknownRedirectUriError(PageError):
    """The redirect_uri is not, sign for sign, one that the platform registered."""

    code = "unknown_redirect_uri"


class UnusableRequestError(PageError):
    """The signed request cannot be believed, and nothing tells where a refusal may go; `reason` says why."""

    code = "unusable_request"


class RequestOverError(PageError):
    """The platform's request was answered already, not begun in time, or is another platform's; never said which."""

    code = "request_over"


class GuardianNeededError(IdpError):
    """Under 14, a guardian decides on consent."""

    code = "guardian_needed"


class RequestRefusedError(IdpError):
    """A guardian refused this lately."""

    code = "request_refused"


class RequestGoneError(IdpError):
    """A child's request was decided by somebody else, was replaced, or is too old."""

    code = "request_gone"


class TooManyRequestsError(IdpError):
    """More than `limit` requests of a child wait for a guardian."""

    code = "too_many_requests"


class InvalidLogoutRequestError(IdpError):
    """The platform's sign-out request cannot be trusted; `reason` says why."""

    code = "invalid_logout_request"


class UnknownDeviceCodeError(IdpError):
    """No device waits with this code: mistyped, over, or decided already; never said which."""

    code = "unknown_device_code"


class DeviceTriesError(IdpError):
    """Too many codes of devices were wrong; `minutes` remain."""

    code = "device_tries"
