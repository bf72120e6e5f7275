"""What filing, review and the developers' console refuse. Knows no HTTP and names no secret."""

from __future__ import annotations

from collections.abc import Mapping

from idp.errors import IdpError, PageError
from kernel.errors import XinjiError


class PlatformError(IdpError):
    """The base of what this folder refuses."""

    code = "platform"


class FormRefusedError(PlatformError):
    """A form with mistakes: `problems` has one error a field, to be said beside it; `count` of them."""

    code = "form_refused"

    def __init__(self, problems: Mapping[str, XinjiError]) -> None:
        """Keep the error of each field."""
        super().__init__(f"wrong: {', '.join(problems)}", count=len(problems))
        self.problems = dict(problems)


class FieldError(PlatformError):
    """The base of what is wrong with one field of a form."""

    code = "platform_field"


class MissingError(FieldError):
    """The field is empty."""

    code = "platform_missing"


class TooLongError(FieldError):
    """The field is longer than `limit` characters."""

    code = "platform_too_long"


class OwnerCodeError(FieldError):
    """The owner's code has neither 10 digits (school) nor 18 signs (unified social credit code)."""

    code = "platform_owner_code"


class SchoolNotRegisteredError(FieldError):
    """No school with this code is registered here."""

    code = "platform_school_unknown"


class IcpNumberError(FieldError):
    """This is no ICP filing number."""

    code = "platform_icp"


class ProtectionNumberError(FieldError):
    """This is no number of a classified-protection filing."""

    code = "platform_protection_number"


class ProtectionLevelError(FieldError):
    """Only levels 2 to 4 are filed and may be named."""

    code = "platform_protection_level"


class AppNumberError(FieldError):
    """This is no filing number of a provider of education apps."""

    code = "platform_app_number"


class AppNeedsFilingsError(FieldError):
    """A provider of education apps is filed only after ICP and classified protection (教技厅〔2019〕3号)."""

    code = "platform_app_needs_filings"


class ContactError(FieldError):
    """The contact is neither an e-mail address nor a phone number."""

    code = "platform_contact"


class AudienceError(FieldError):
    """Nobody is named for whom the platform is, or somebody unknown."""

    code = "platform_audience"


class MinorsError(FieldError):
    """It is not said whether minors are among the users."""

    code = "platform_minors"


class NeedMissingError(FieldError):
    """It is not said what a scope is needed for, in `minimum` characters at least."""

    code = "platform_need"


class RetentionError(FieldError):
    """The days of retention are no number from 1 to `most`."""

    code = "platform_retention"


class NumberError(FieldError):
    """This is no number from 1 to `most`."""

    code = "platform_number"


class AssessmentError(FieldError):
    """The impact assessment's day is no date, lies ahead, or is older than three years (PIPL article 56)."""

    code = "platform_assessment"


class HomeError(FieldError):
    """The home page is no https address."""

    code = "platform_home"


class RedirectUriError(FieldError):
    """The redirect URI in `line` cannot be registered: `reason`."""

    code = "platform_redirect_uri"


class LoopbackOnlyError(FieldError):
    """A test client's redirect URI in `line` does not lie on this computer."""

    code = "platform_loopback_only"


class NotInProductionError(FieldError):
    """The redirect URI in `line` lies on a loopback address: only native apps may have it in production."""

    code = "platform_loopback"


class ChoiceError(FieldError):
    """None of the offered choices was taken."""

    code = "platform_choice"


class ProfileMethodError(FieldError):
    """FAPI 2.0 wants a platform that proves itself with its own key."""

    code = "platform_profile_method"


class KeysError(FieldError):
    """The keys are no JWK Set that can be used: `reason`."""

    code = "platform_keys"


class PrivateKeyError(FieldError):
    """The JWK Set holds a private key, which has left its owner's hands now."""

    code = "platform_private_key"


class KeysOneWayError(FieldError):
    """Keys are given here or by address, not both."""

    code = "platform_keys_one_way"


class TooManyClientsError(PlatformError):
    """The person has `limit` test clients already."""

    code = "platform_too_many"


class TooManyPermitsError(PlatformError):
    """The developer has `limit` initial access tokens in force."""

    code = "platform_too_many_permits"


class TooManyFilingsError(PlatformError):
    """The person has `limit` filings that wait."""

    code = "platform_too_many_filings"


class RefileTooSoonError(PlatformError):
    """A platform of this owner was removed: none may be filed until `until` (教技厅〔2019〕3号: six months)."""

    code = "platform_refile_too_soon"


class BlockedError(PlatformError):
    """The platform is blocked or removed: nothing of it can be changed."""

    code = "platform_blocked"


class NoSecretError(PlatformError):
    """The platform proves itself in another way than by a secret."""

    code = "platform_no_secret"


class DecidedAlreadyError(PlatformError):
    """Somebody else decided, or the owner filed anew, since the page was opened."""

    code = "platform_decided"


class OwnFilingError(PlatformError):
    """Nobody decides on what they filed."""

    code = "platform_own_filing"


class ReasonMissingError(PlatformError):
    """A refusal or a block needs a reason."""

    code = "platform_reason"


class ValidUntilError(PlatformError):
    """An approval ends on a day from tomorrow until a year from now (`last`)."""

    code = "platform_valid_until"


class ScopesWidenedError(PlatformError):
    """Approving may narrow what was asked for, not widen it."""

    code = "platform_widened"


class MinorsNotConfirmedError(PlatformError):
    """Minors are among the users: the officer must say that this was looked at."""

    code = "platform_minors_unconfirmed"


class TestClientError(PageError):
    """A test client signs in nobody but its own developer."""

    code = "test_client"


class MinorsNotApprovedError(PageError):
    """`platform` was approved for adults only."""

    code = "minors_not_approved"
