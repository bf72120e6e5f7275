"""What the cryptography refuses, each with a stable code. Knows no HTTP and names no secret."""

from __future__ import annotations

from kernel.errors import XinjiError


class CryptoError(XinjiError):
    """The base of everything this folder refuses."""

    code = "crypto"


class InvalidEncodingError(CryptoError, ValueError):
    """Text or bytes are not in the one form that is accepted (base64, DER, JSON)."""

    code = "invalid_encoding"


class InvalidKeyError(CryptoError):
    """A key is malformed, off its curve, out of range, or of a kind that is not accepted."""

    code = "invalid_key"


class InvalidSignatureError(CryptoError):
    """A signature does not fit its key and message."""

    code = "invalid_signature"


class InvalidTokenError(CryptoError):
    """A JWT is malformed or not of the kind that was asked for (algorithm, type, key)."""

    code = "invalid_token"


class DecryptionError(CryptoError):
    """A ciphertext was changed, belongs elsewhere, or was made with another key."""

    code = "decryption"


class UnknownKeyError(CryptoError):
    """There is no key of this name, or none in the state that was asked for."""

    code = "unknown_key"


class KeyStateError(CryptoError):
    """A key's state does not allow this step (next, active, retired, destroyed)."""

    code = "key_state"


class KeyCustodyError(CryptoError):
    """A file that holds a key lies or is readable where it must not be, or is damaged."""

    code = "key_custody"


class EngineMissingError(CryptoError):
    """No SM2 engine on this machine passes the known-answer test."""

    code = "engine_missing"


class SignerUnavailableError(CryptoError):
    """The signer does not answer; nothing was decided, so asking again is right."""

    code = "signer_unavailable"


class SigningRefusedError(CryptoError):
    """The signer will not sign this. `params["reason"]` says which rule it breaks."""

    code = "signing_refused"

    def __init__(self, message: str = "", *, reason: str, **params: str | int) -> None:
        """`reason` is one stable word, such as `rate`, `batch_expired` or `typ`."""
        super().__init__(message, reason=reason, **params)
        self.reason = reason
