"""Refusals of the authorization endpoint that may be sent back to the platform (RFC 6749 §4.1.2.1).

Raised only after client and redirect_uri were found good. Descriptions are ASCII, fixed, and
never carry what the request said.
"""

from __future__ import annotations

from idp.errors import IdpError


class AuthorizationError(IdpError):
    """A refusal with OAuth's `error` and `error_description`."""

    code = "authorization"

    def __init__(self, error: str, description: str) -> None:
        """Refuse with `error`, one of the codes that RFC 6749 and OIDC Core §3.1.2.6 name."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class InvalidTokenError(IdpError):
    """A bearer token is missing, unknown, over or revoked (RFC 6750 §3.1)."""

    code = "invalid_token"


class MissingTokenError(InvalidTokenError):
    """There is no token at all: the answer then names no error (RFC 6750 §3.1)."""


class TwoTokensError(IdpError):
    """There is a token in two places (RFC 6750 §2)."""

    code = "invalid_request"


class InsufficientScopeError(IdpError):
    """A bearer token was not given for this (RFC 6750 §3.1)."""

    code = "insufficient_scope"


class FetchError(IdpError):
    """An address that a platform named may not be called, or does not answer as it should."""

    code = "fetch"


class RegistrationError(IdpError):
    """A registration that is refused, with the `error` of RFC 7591 §3.2.2."""

    code = "registration"

    def __init__(self, error: str, description: str) -> None:
        """Refuse with `error`."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
