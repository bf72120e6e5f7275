"""What can be wrong with a statement, a chain of them, or a demand to make one. Knows no HTTP.

A verifier reports the `code` of what it meets here as the reason why an issuer failed.
"""

from __future__ import annotations

from kernel.errors import XinjiError


class RegistryError(XinjiError):
    """Something about the accreditation of an issuer does not hold."""

    code = "registry"


class InvalidEntityError(RegistryError):
    """An entity identifier does not have the form of a school, an authority or a status service."""

    code = "entity_invalid"


class InvalidStatementError(RegistryError):
    """A statement lacks something or holds it in the wrong form."""

    code = "statement_invalid"


class UnsupportedPolicyError(RegistryError):
    """A statement limits its subject in a way that is not understood here, and so cannot be obeyed."""

    code = "policy_unsupported"


class ChainError(RegistryError):
    """A chain of statements does not lead from the issuer to a root, or does not allow it what it claims."""

    code = "chain_invalid"


class UnknownRootError(ChainError):
    """The last statement's issuer is not a root of the trust file."""

    code = "root_unknown"


class BrokenLinkError(ChainError):
    """A statement's issuer is not the subject of the statement above it, or not of the right kind."""

    code = "chain_broken"


class StatementSignatureError(ChainError):
    """A statement is not signed by a federation key of its issuer."""

    code = "statement_signature"


class PathTooLongError(ChainError):
    """More authorities stand between an issuer and the school than its superior allows."""

    code = "path_too_long"


class NotYetAccreditedError(ChainError):
    """A statement was made after the time that counts."""

    code = "accredited_later"


class AccreditationExpiredError(ChainError):
    """A statement had expired at the time that counts."""

    code = "accreditation_expired"


class StatementRetiredError(ChainError):
    """A statement was retired before the time that counts."""

    code = "accreditation_retired"


class StatementCompromisedError(ChainError):
    """A statement's key counts as compromised at the time that counts."""

    code = "accreditation_compromised"


class ProvinceNotAllowedError(ChainError):
    """A code belongs to a province that the root or a superior does not answer for."""

    code = "province_not_allowed"


class SchoolTypeNotAllowedError(ChainError):
    """The school's type lies outside what its superiors may accredit."""

    code = "school_type_not_allowed"


class CodeMismatchError(ChainError):
    """The metadata names another school or place than the entity identifier does."""

    code = "code_mismatch"


class CredentialTypeNotAllowedError(ChainError):
    """The issuer may not issue credentials of this type."""

    code = "credential_type_not_allowed"


class MissingKeyError(ChainError):
    """The statement carries no key of the suite that is being checked."""

    code = "suite_key_missing"


class UnknownStatementError(RegistryError):
    """No statement of that commitment, or none that accredits that entity, is stored here."""

    code = "statement_unknown"


class StatusConflictError(RegistryError):
    """A statement's status can only grow stricter: what was said of it before stands."""

    code = "statement_status_conflict"
