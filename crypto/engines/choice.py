"""Which SM2 engine this process uses: the first that passes the known-answer test.

An engine is never judged by its version. The test signs with the standard's key, verifies the
standard's signature (GB/T 32918.5 §A.2 over the recommended curve), and wants a forged one and
a key off the curve refused.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence

from crypto import sm2
from crypto.errors import CryptoError, EngineMissingError, InvalidKeyError, InvalidSignatureError

ENGINES: tuple[tuple[str, str], ...] = (
    ("crypto.engines.libcrypto", "LibcryptoEngine"),
    ("crypto.engines.gmssl_pyx", "GmsslPyxEngine"),
)

_SCALAR = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
_POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_MESSAGE = b"message digest"
_SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


@functools.cache
def sm2_engine() -> sm2.Engine:
    """Return the engine of this process.

    Raises:
        EngineMissingError: None passes; the message says what to install.
    """
    return choose(ENGINES)


def choose(engines: Sequence[tuple[str, str]]) -> sm2.Engine:
    """Return the first of `engines` (module, class) that is here and passes `known_answers`."""
    refused = []
    for module, name in engines:
        try:
            engine: sm2.Engine = getattr(importlib.import_module(module), name)()
            known_answers(engine)
        except (ImportError, CryptoError) as error:
            refused.append(f"{module}: {error}")
        else:
            return engine
    raise EngineMissingError(
        "no SM2 engine passes its known-answer test; install OpenSSL 3 (Debian: libssl3) or the package gmssl-pyx. "
        + "; ".join(refused)
    )


def known_answers(engine: sm2.Engine) -> None:
    """Raise `EngineMissingError` unless `engine` knows right from wrong."""
    public = engine.verifying_key(_POINT)
    public.verify(_SIGNATURE, _MESSAGE)
    private = engine.signing_key(sm2.pkcs8(_SCALAR, _POINT))
    public.verify(private.sign(_MESSAGE), _MESSAGE)
    fresh = engine.signing_key(engine.generate())
    engine.verifying_key(fresh.point).verify(fresh.sign(b""), b"")
    try:
        public.verify(_SIGNATURE, _MESSAGE + b"!")
    except InvalidSignatureError:
        pass
    else:
        raise EngineMissingError(f"{engine.name} accepts a forged signature")
    try:
        engine.verifying_key(_POINT[:-1] + bytes((_POINT[-1] ^ 1,)))
    except InvalidKeyError:
        return
    raise EngineMissingError(f"{engine.name} accepts a point off the curve")
