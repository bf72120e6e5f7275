"""What the directory refuses, one class a reason, each with a stable code. Knows no HTTP.

A row of a roster fails with the same errors as a form: the import keeps their code and
params, and pages say them through the catalogue (`error.<code>`).
"""

from __future__ import annotations

from kernel.errors import NotAllowedError, NotFoundError, XinjiError


class DirectoryError(XinjiError):
    """The base of what the directory refuses."""

    code = "directory"


class InputError(DirectoryError):
    """A value that a person typed or uploaded is not acceptable; the code says why."""

    code = "directory_input"


class OrganisationExistsError(InputError):
    """An organisation has, or had, the code `organisation`; codes are never reused."""

    code = "organisation_exists"


class OrganisationUnknownError(NotFoundError):
    """There is no organisation with the code `organisation`."""

    code = "organisation_unknown"


class SuperiorError(InputError):
    """An authority with the code `organisation` cannot stand under `superior`."""

    code = "superior"


class SchoolOutsideProvinceError(InputError):
    """Digits 3-4 of the code name another province than that of `superior`."""

    code = "school_outside_province"


class OutsideSubtreeError(NotAllowedError):
    """The organisation is not in the officer's part of the tree."""

    code = "outside_subtree"


class ReviewNeededError(DirectoryError):
    """The data do not agree in every part with what is registered: people must look."""

    code = "review_needed"


class AppointedAlreadyError(DirectoryError):
    """The person holds this role there already."""

    code = "appointed_already"


class AffiliationUnknownError(NotFoundError):
    """There is no such person in this school's roster."""

    code = "affiliation_unknown"


class HasAccountError(DirectoryError):
    """The person needs no activation code from this school."""

    code = "has_account"


class ActivationRefusedError(DirectoryError):
    """Number or code are wrong, or the code is no longer valid: never told apart."""

    code = "activation_refused"


class VoidTooLateError(DirectoryError):
    """An activation can be made void for 72 hours only."""

    code = "void_too_late"


class ReviewUnknownError(NotFoundError):
    """There is no such review in this part of the tree."""

    code = "review_unknown"


class LookupsExhaustedError(DirectoryError):
    """The look-ups of identity documents of one actor and day are used up (`limit`)."""

    code = "lookups_exhausted"


class GuardianshipRefusedError(DirectoryError):
    """Child and guardian cannot be linked from here: which of the entries is wrong is never told."""

    code = "guardianship_refused"


class GuardianshipOpenError(DirectoryError):
    """This child and this guardian are linked, or proposed, already."""

    code = "guardianship_open"


class GuardianshipUnknownError(NotFoundError):
    """There is no such link that the caller may act on."""

    code = "guardianship_unknown"


class NotIndependentError(DirectoryError):
    """Who proposed a guardian, and the guardian, cannot be the second person who confirms."""

    code = "not_independent"


class ObjectionTooLateError(DirectoryError):
    """The link counts already: the school ends it where it is wrong."""

    code = "objection_too_late"
