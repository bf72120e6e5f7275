"""SM2 through OpenSSL's libcrypto 3, called by ctypes.

The copy that the interpreter itself has loaded is used, so that no second one comes into the
process. Keys are parsed once and shared between threads; a context lives for one call. Calls
release the interpreter's lock. Knows no encodings but those of `crypto.sm2`.
"""

from __future__ import annotations

import _hashlib
import ctypes
import ctypes.util
import weakref
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ubyte, c_void_p
from typing import Any

from crypto import sm2
from crypto.errors import CryptoError, EngineMissingError, InvalidKeyError, InvalidSignatureError

_MAX_DER = 72
_SM3 = b"SM3"

# Each function with its result and arguments: without them ctypes would cut pointers to 32 bits.
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ERR_clear_error": (None, []),
    "EVP_MD_fetch": (c_void_p, [c_void_p, c_char_p, c_char_p]),
    "EVP_MD_CTX_new": (c_void_p, []),
    "EVP_MD_CTX_free": (None, [c_void_p]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [c_void_p, c_void_p]),
    "EVP_PKEY_CTX_new": (c_void_p, [c_void_p, c_void_p]),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, [c_void_p, c_char_p, c_char_p]),
    "EVP_PKEY_CTX_free": (None, [c_void_p]),
    "EVP_PKEY_CTX_set1_id": (c_int, [c_void_p, c_char_p, c_size_t]),
    "EVP_PKEY_free": (None, [c_void_p]),
    "EVP_PKEY_is_a": (c_int, [c_void_p, c_char_p]),
    "EVP_PKEY_check": (c_int, [c_void_p]),
    "EVP_PKEY_public_check": (c_int, [c_void_p]),
    "EVP_PKEY_keygen_init": (c_int, [c_void_p]),
    "EVP_PKEY_generate": (c_int, [c_void_p, POINTER(c_void_p)]),
    "EVP_PKEY2PKCS8": (c_void_p, [c_void_p]),
    "PKCS8_PRIV_KEY_INFO_free": (None, [c_void_p]),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, [c_void_p, POINTER(POINTER(c_ubyte))]),
    "d2i_AutoPrivateKey": (c_void_p, [c_void_p, POINTER(c_char_p), ctypes.c_long]),
    "d2i_PUBKEY": (c_void_p, [c_void_p, POINTER(c_char_p), ctypes.c_long]),
    "EVP_DigestSignInit": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
    "EVP_DigestSign": (c_int, [c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t]),
    "EVP_DigestVerifyInit": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
    "EVP_DigestVerify": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]),
}


class LibcryptoEngine:
    """The engine of choice: constant-time on x86-64, kept current by the distribution."""

    name = "libcrypto"

    def __init__(self) -> None:
        """Bind the library.

        Raises:
            EngineMissingError: There is no libcrypto 3 here, or it knows no SM3.
        """
        self._lib = _load()
        self._sm3 = self._lib.EVP_MD_fetch(None, _SM3, None)  # Fetched once: a fetch per call costs a lock.
        if not self._sm3:
            raise EngineMissingError("libcrypto is here but knows no SM3")

    def generate(self) -> bytes:
        """Make a key and return its PKCS#8."""
        lib = self._lib
        context = lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        key = c_void_p()
        try:
            if not context or lib.EVP_PKEY_keygen_init(context) != 1:
                raise self._failed(EngineMissingError("libcrypto is here but knows no SM2"))
            if lib.EVP_PKEY_generate(context, byref(key)) != 1:
                raise self._failed(InvalidKeyError("libcrypto made no key"))
            return self._export(key)
        finally:
            lib.EVP_PKEY_CTX_free(context)
            lib.EVP_PKEY_free(key)

    def signing_key(self, material: bytes) -> LibcryptoSigningKey:
        """Load a PKCS#8; libcrypto recomputes the public point and compares."""
        _, point = sm2.from_pkcs8(material)
        handle = self._adopt("d2i_AutoPrivateKey", material, "EVP_PKEY_check")
        return LibcryptoSigningKey(self._lib, self._sm3, handle, point)

    def verifying_key(self, point: bytes) -> LibcryptoVerifyingKey:
        """Load a point."""
        handle = self._adopt("d2i_PUBKEY", sm2.spki(point), "EVP_PKEY_public_check")
        return LibcryptoVerifyingKey(self._lib, self._sm3, handle)

    def _adopt(self, reader: str, der: bytes, check: str) -> _Handle:
        """Read a key and check it: reading alone accepts d = 0 and a public point of another key."""
        lib = self._lib
        handle = _Handle(lib, getattr(lib, reader)(None, byref(c_char_p(der)), len(der)))
        if not handle.key or lib.EVP_PKEY_is_a(handle.key, b"SM2") != 1:
            raise self._failed(InvalidKeyError("libcrypto does not read this SM2 key"))
        context = lib.EVP_PKEY_CTX_new(handle.key, None)
        try:
            if getattr(lib, check)(context) != 1:
                raise self._failed(InvalidKeyError("the SM2 key is inconsistent"))
        finally:
            lib.EVP_PKEY_CTX_free(context)
        return handle

    def _export(self, key: c_void_p) -> bytes:
        lib = self._lib
        info = lib.EVP_PKEY2PKCS8(key)
        try:
            size = lib.i2d_PKCS8_PRIV_KEY_INFO(info, None)
            buffer = (c_ubyte * size)()
            lib.i2d_PKCS8_PRIV_KEY_INFO(info, byref(ctypes.cast(buffer, POINTER(c_ubyte))))
        finally:
            lib.PKCS8_PRIV_KEY_INFO_free(info)
        return sm2.pkcs8(*sm2.from_pkcs8(bytes(buffer)))

    def _failed(self, error: CryptoError) -> CryptoError:
        self._lib.ERR_clear_error()
        return error


class _Handle:
    """An EVP_PKEY that is freed with its last user."""

    def __init__(self, lib: ctypes.CDLL, key: int | None) -> None:
        self.key = key
        weakref.finalize(self, lib.EVP_PKEY_free, key).atexit = False


class _Operation:
    """The contexts of one call: never shared, always freed."""

    def __init__(self, lib: ctypes.CDLL, handle: _Handle) -> None:
        self._lib = lib
        self.md = lib.EVP_MD_CTX_new()
        self._pkey = lib.EVP_PKEY_CTX_new(handle.key, None)
        # Without this OpenSSL 3 takes the empty ID, and everybody else refuses the signature.
        if lib.EVP_PKEY_CTX_set1_id(self._pkey, sm2.SIGNER_ID, len(sm2.SIGNER_ID)) != 1:
            self.close()
            raise EngineMissingError("libcrypto takes no SM2 signer ID")
        lib.EVP_MD_CTX_set_pkey_ctx(self.md, self._pkey)

    def close(self) -> None:
        self._lib.EVP_MD_CTX_free(self.md)
        self._lib.EVP_PKEY_CTX_free(self._pkey)


class LibcryptoSigningKey:
    """A private key in libcrypto's memory."""

    def __init__(self, lib: ctypes.CDLL, sm3: int, handle: _Handle, point: bytes) -> None:
        """Hold what the engine has checked."""
        self._lib, self._sm3, self._handle = lib, sm3, handle
        self.point = point

    def sign(self, message: bytes) -> bytes:
        """Sign with a nonce from libcrypto's generator; return r‖s."""
        lib = self._lib
        out = ctypes.create_string_buffer(_MAX_DER)
        size = c_size_t(_MAX_DER)
        operation = _Operation(lib, self._handle)
        try:
            done = (
                lib.EVP_DigestSignInit(operation.md, None, self._sm3, None, self._handle.key) == 1
                and lib.EVP_DigestSign(operation.md, out, byref(size), message, len(message)) == 1
            )
        finally:
            operation.close()
        if not done:
            lib.ERR_clear_error()
            raise InvalidKeyError("libcrypto refused to sign")
        return sm2.from_der(out.raw[: size.value])


class LibcryptoVerifyingKey:
    """A public key in libcrypto's memory."""

    def __init__(self, lib: ctypes.CDLL, sm3: int, handle: _Handle) -> None:
        """Hold what the engine has checked."""
        self._lib, self._sm3, self._handle = lib, sm3, handle

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `InvalidSignatureError` unless r‖s fits `message`."""
        lib = self._lib
        der = sm2.to_der(signature)
        operation = _Operation(lib, self._handle)
        try:
            fits = (
                lib.EVP_DigestVerifyInit(operation.md, None, self._sm3, None, self._handle.key) == 1
                and lib.EVP_DigestVerify(operation.md, der, len(der), message, len(message)) == 1
            )
        finally:
            operation.close()
        if not fits:
            lib.ERR_clear_error()
            raise InvalidSignatureError("the SM2 signature does not fit")


def _load() -> ctypes.CDLL:
    """Find a libcrypto that has every function; the one `hashlib` uses comes first."""
    candidates: tuple[Callable[[], str | None], ...] = (
        lambda: _hashlib.__file__,
        lambda: ctypes.util.find_library("crypto"),
        lambda: "libcrypto.so.3",
    )
    for candidate in candidates:
        try:
            return _bind(candidate())
        except (OSError, AttributeError):
            continue
    raise EngineMissingError("no libcrypto 3 was found: install OpenSSL 3 (Debian: apt-get install libssl3)")


def _bind(file: str | None) -> ctypes.CDLL:
    lib = ctypes.CDLL(file)  # No name means the process itself, where a static interpreter has it.
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
