"""Refusals of the token endpoint that Authlib does not have (RFC 9449, RFC 8707, RFC 9396). Fixed, no input."""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error


class InvalidDpopProofError(OAuth2Error):
    """A DPoP proof is missing, malformed, for something else, too old, or was used before (RFC 9449 §5)."""

    error = "invalid_dpop_proof"


class ReplayedProofError(InvalidDpopProofError):
    """A DPoP proof was used before: somebody may have read it (RFC 9449 §11.1)."""


class UseDpopNonceError(OAuth2Error):
    """A DPoP proof must hold the nonce that this answer brings (RFC 9449 §8)."""

    error = "use_dpop_nonce"

    def __init__(self, nonce: str) -> None:
        """Refuse, and offer `nonce`."""
        super().__init__("the DPoP proof must hold the nonce of this answer")
        self.nonce = nonce

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers, `DPoP-Nonce` among them."""
        return [*super().get_headers(), ("DPoP-Nonce", self.nonce)]


class InvalidTargetError(OAuth2Error):
    """A resource is malformed, unknown, or was not granted (RFC 8707 §2)."""

    error = "invalid_target"


class InvalidAuthorizationDetailsError(OAuth2Error):
    """Authorization details are malformed, or go beyond what was granted (RFC 9396 §5, §6)."""

    error = "invalid_authorization_details"
