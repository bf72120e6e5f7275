"""SM2 for joserfc: the algorithm `SGD_SM3_SM2`, and a key that wraps ours.

joserfc's seam is a subclass of `JWSAlgModel`, and of `ECKey` with a `NativeKeyBinding` of its
own (which lives in its private module `_rfc7517`, hence the pinned version). Importing this
module registers the algorithm; it is never among joserfc's recommended ones, so it counts only
where a caller names it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from joserfc._rfc7517.models import NativeKeyBinding
from joserfc._rfc7517.types import DictKey
from joserfc.errors import InvalidKeyCurveError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from crypto.errors import InvalidSignatureError
from crypto.keys import SGD_SM3_SM2, SM2_CURVE, PrivateKey, PublicKey, public_key


class Sm2Binding(NativeKeyBinding):
    """Between joserfc's dictionaries and our keys. Reads public keys only and exports no private one."""

    @classmethod
    def convert_raw_key_to_dict(cls, raw_key: Any, private: bool) -> DictKey:  # noqa: ARG003
        """Return the public JWK, of a private key too."""
        return {**(raw_key.public if isinstance(raw_key, PrivateKey) else raw_key).jwk}

    @classmethod
    def import_from_dict(cls, value: DictKey) -> PublicKey:
        """Read a public JWK through our own strict border."""
        return public_key(value)

    @classmethod
    def import_from_bytes(cls, value: bytes, password: str | bytes | None = None) -> PublicKey:  # noqa: ARG003
        """Refuse: keys come as JWK, or from the key ring."""
        raise InvalidKeyCurveError("an SM2 key is not read from PEM or DER here")


class Sm2Key(ECKey):
    """A `PublicKey` or `PrivateKey` of SM2 where joserfc wants a key of its own kind."""

    binding = Sm2Binding  # type: ignore[assignment]  # ECKey narrows it to the NIST curves' binding.

    @property
    def is_private(self) -> bool:
        """Whether it can sign."""
        return isinstance(self._raw_value, PrivateKey)

    @cached_property
    def public_key(self) -> Any:
        """The `PublicKey`."""
        key: Any = self._raw_value
        return key.public if isinstance(key, PrivateKey) else key

    @property
    def private_key(self) -> Any:
        """The `PrivateKey`, or nothing."""
        return self._raw_value if self.is_private else None

    @property
    def curve_name(self) -> str:
        """The curve's name in a JWK."""
        return SM2_CURVE

    @property
    def curve_key_size(self) -> int:
        """The curve's size in bits."""
        return 256


class Sm2Algorithm(JWSAlgModel):
    """`SGD_SM3_SM2`: SM2 with SM3, Z under the default signer ID, r‖s in 64 bytes."""

    name = SGD_SM3_SM2
    description = "SM2 with SM3 (GB/T 32918.2), raw r||s"
    key_type = "EC"
    algorithm_security = 128

    def check_key(self, key: Any) -> None:
        """Accept only keys of the SM2 curve."""
        super().check_key(key)
        if not isinstance(key, Sm2Key):
            raise InvalidKeyCurveError(f"{self.name} wants a key of {SM2_CURVE}")

    def sign(self, msg: bytes, key: Any) -> bytes:
        """Sign the signing input."""
        signature: bytes = key.get_op_key("sign").sign(msg)
        return signature

    def verify(self, msg: bytes, sig: bytes, key: Any) -> bool:
        """Tell joserfc, which wants a bool, whether the signature fits."""
        try:
            key.get_op_key("verify").verify(sig, msg)
        except InvalidSignatureError:
            return False
        return True


JWSRegistry.register(Sm2Algorithm())
