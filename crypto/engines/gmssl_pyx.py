"""SM2 through gmssl-pyx (a wheel of GmSSL 3): the second engine and the second opinion.

Only its digest path is used: Z and SM3 are computed here, ten times faster than its one-shot
call. It holds the interpreter's lock and is not constant-time, so it signs for a service only
where libcrypto lacks SM2. A failed verify prints a line to standard error from C.
"""

from __future__ import annotations

import secrets

import gmssl_pyx

from crypto import sm2
from crypto.errors import InvalidKeyError, InvalidSignatureError


class GmsslPyxEngine:
    """GmSSL behind the engine's seam."""

    name = "gmssl-pyx"

    def generate(self) -> bytes:
        """Make a key and return its PKCS#8."""
        point, scalar = gmssl_pyx.sm2_key_generate()
        return sm2.pkcs8(scalar, sm2.UNCOMPRESSED + point)

    def signing_key(self, material: bytes) -> GmsslPyxSigningKey:
        """Load a PKCS#8; a trial signature shows that the pair belongs together."""
        scalar, point = sm2.from_pkcs8(material)
        key = GmsslPyxSigningKey(scalar, point)
        trial = secrets.token_bytes(32)
        try:
            self.verifying_key(point).verify(key.sign(trial), trial)
        except InvalidSignatureError as error:
            raise InvalidKeyError("the SM2 key is inconsistent") from error
        return key

    def verifying_key(self, point: bytes) -> GmsslPyxVerifyingKey:
        """Load a point."""
        return GmsslPyxVerifyingKey(sm2.check_point(point))


class GmsslPyxSigningKey:
    """A private key as GmSSL wants it on each call."""

    def __init__(self, scalar: bytes, point: bytes) -> None:
        """Compute Z once."""
        self._scalar = scalar
        self._z = sm2.z_value(point)
        self.point = point

    def sign(self, message: bytes) -> bytes:
        """Sign with a nonce from the system's generator; return r‖s."""
        return sm2.from_der(gmssl_pyx.sm2_sign_sm3_digest(self._scalar, sm2.digest(self._z, message)))


class GmsslPyxVerifyingKey:
    """A public key as GmSSL wants it on each call."""

    def __init__(self, point: bytes) -> None:
        """Compute Z once."""
        self._public = point[1:]
        self._z = sm2.z_value(point)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `InvalidSignatureError` unless r‖s fits `message`."""
        der = sm2.to_der(signature)
        try:
            fits = gmssl_pyx.sm2_verify_sm3_digest(self._public, sm2.digest(self._z, message), der)
        except gmssl_pyx.GmsslInnerError as error:
            raise InvalidSignatureError("the SM2 signature does not fit") from error
        if not fits:
            raise InvalidSignatureError("the SM2 signature does not fit")
