"""SM2 verification by the system's libcrypto 3, through ctypes: the one place that calls C.

It checks a signature over a ready digest e; `sm2` computes e. Knows no keys but public
ones and no encodings but the DER that OpenSSL wants.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
from pathlib import Path

from xinji_client.errors import EngineMissingError

# SubjectPublicKeyInfo of a 65-byte point on curve sm2p256v1 (1.2.156.10197.1.301).
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")

_FUNCTIONS = {
    "d2i_PUBKEY": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long)),
    "EVP_PKEY_free": (None, (ctypes.c_void_p,)),
    "EVP_PKEY_CTX_new": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_void_p)),
    "EVP_PKEY_CTX_free": (None, (ctypes.c_void_p,)),
    "EVP_PKEY_public_check": (ctypes.c_int, (ctypes.c_void_p,)),
    "EVP_PKEY_verify_init": (ctypes.c_int, (ctypes.c_void_p,)),
    "EVP_PKEY_verify": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t),
    ),
    "ERR_clear_error": (None, ()),
}


class Libcrypto:
    """A loaded libcrypto 3 with SM2.

    Raises:
        EngineMissingError: No copy of libcrypto 3 is to be found.
    """

    def __init__(self, names: tuple[str, ...] | None = None) -> None:
        """Load the first of `names` that has every function; by default where systems keep it."""
        for name in _places() if names is None else names:
            with contextlib.suppress(OSError, AttributeError):
                library = ctypes.CDLL(name)
                for function, (result, arguments) in _FUNCTIONS.items():
                    entry = getattr(library, function)
                    entry.restype, entry.argtypes = result, arguments
                self._library = library
                return
        raise EngineMissingError("no libcrypto 3 was found")

    def verify(self, point: bytes, digest: bytes, signature: bytes) -> bool:
        """Tell whether the DER `signature` over `digest` is by the key at the uncompressed `point`."""
        encoded = _SPKI + point
        key = self._library.d2i_PUBKEY(None, ctypes.c_char_p(encoded), len(encoded))
        context = self._library.EVP_PKEY_CTX_new(key, None) if key else None
        try:
            # d2i alone takes points that are not on the curve.
            return (
                bool(context)
                and self._library.EVP_PKEY_public_check(context) == 1
                and self._library.EVP_PKEY_verify_init(context) == 1
                and self._library.EVP_PKEY_verify(context, signature, len(signature), digest, len(digest)) == 1
            )
        finally:
            self._library.EVP_PKEY_CTX_free(context)
            self._library.EVP_PKEY_free(key)
            self._library.ERR_clear_error()  # A failed check leaves its reasons in a queue of the thread.


def _places() -> tuple[str, ...]:
    found = ctypes.util.find_library("crypto")
    return (*_loaded(), *([found] if found else []), "libcrypto.so.3", "libcrypto.3.dylib", "libcrypto-3-x64.dll")


def _loaded(maps: Path = Path("/proc/self/maps")) -> tuple[str, ...]:
    """Return the copy that this process runs already, so that there are not two."""
    with contextlib.suppress(OSError):
        for line in maps.read_text(encoding="utf-8", errors="replace").splitlines():
            path = line.split(maxsplit=5)[-1]
            if "libcrypto.so.3" in path:
                return (path,)
    return ()
