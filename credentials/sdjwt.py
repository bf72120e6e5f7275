"""SD-JWT (RFC 9901): disclosures, their digests, the combined form. Pure; knows no key and no type.

One set of disclosures serves two suites: the same salts, hashed with SM3 for `gm` and with
SHA-256 for `intl`. Only top-level claims are disclosable here: a nested `_sd`, an array
disclosure or a key-binding JWT is refused, not ignored.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from credentials.errors import InvalidDisclosureError
from crypto.encoding import b64u, from_b64u
from crypto.errors import CryptoError

Hash = Callable[[bytes], bytes]

SALT_BYTES: Final = 16  # RFC 9901 §9.3 recommends 128 bits.
_FORBIDDEN: Final = frozenset({"_sd", "...", "_sd_alg"})  # RFC 9901 §4.2.1 and §4.1.1
_PARTS: Final = 3
_write: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Disclosure(NamedTuple):
    """One disclosed claim and `encoded`, the text whose digest stands in `_sd`."""

    salt: str
    name: str
    value: Any
    encoded: str

    def digest(self, h: Hash) -> str:
        """Return the digest of the disclosure as `_sd` holds it (RFC 9901 §4.2.3)."""
        return b64u(h(self.encoded.encode("ascii")))


def disclose(name: str, value: Any, *, salt: bytes | None = None) -> Disclosure:
    """Make the disclosure of one claim under a fresh salt (RFC 9901 §4.2.1).

    Raises:
        InvalidDisclosureError: The name is one that SD-JWT keeps for itself.
    """
    if name in _FORBIDDEN:
        raise InvalidDisclosureError("a claim of this name cannot be disclosed")
    text = b64u(secrets.token_bytes(SALT_BYTES) if salt is None else salt)
    return Disclosure(text, name, value, b64u(_write([text, name, value]).encode()))


def parse_disclosure(encoded: str) -> Disclosure:
    """Read one disclosure.

    Raises:
        InvalidDisclosureError: It is not base64url of a JSON array [salt, name, value].
    """
    try:
        content = json.loads(from_b64u(encoded).decode("utf-8"), parse_constant=_refuse_constant)
    except (CryptoError, ValueError, RecursionError) as error:
        raise InvalidDisclosureError("a disclosure is not base64url of JSON") from error
    if not isinstance(content, list) or len(content) != _PARTS:
        raise InvalidDisclosureError("a disclosure is not an array of salt, name and value")
    salt, name, value = content
    if not isinstance(salt, str) or not isinstance(name, str) or name in _FORBIDDEN:
        raise InvalidDisclosureError("a disclosure has no salt or no proper name")
    return Disclosure(salt, name, value, encoded)


def digests(disclosures: Iterable[Disclosure], h: Hash, *, count: int) -> list[str]:
    """Return the sorted `_sd` array of exactly `count` digests, decoys filling up (RFC 9901 §4.2.5).

    Raises:
        InvalidDisclosureError: There are more disclosures than `count`.
    """
    real = [disclosure.digest(h) for disclosure in disclosures]
    if len(real) > count:
        raise InvalidDisclosureError(f"{len(real)} disclosures do not fit {count} digests")
    decoys = [b64u(h(secrets.token_bytes(32))) for _ in range(count - len(real))]
    return sorted(real + decoys)


def combine(jwt: str, disclosures: Iterable[str]) -> str:
    """Return the combined form `<jwt>~<disclosure>~…~` (RFC 9901 §4), without key binding."""
    return "".join(f"{part}~" for part in (jwt, *disclosures))


def split(combined: str) -> tuple[str, list[str]]:
    """Take a combined form apart into the issuer's JWT and the encoded disclosures.

    Raises:
        InvalidDisclosureError: It does not end with `~`: a key-binding JWT follows, or it is cut.
    """
    parts = combined.split("~")
    if len(parts) == 1 or parts[-1]:
        raise InvalidDisclosureError("the combined form does not end with ~")
    return parts[0], parts[1:-1]


def select(disclosures: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return those of the encoded `disclosures` whose claim is among `names`, in their order."""
    wanted = frozenset(names)
    return [encoded for encoded in disclosures if parse_disclosure(encoded).name in wanted]


def claims(payload: Mapping[str, Any], disclosures: Sequence[str], h: Hash) -> dict[str, Any]:
    """Return the claims that `disclosures` disclose of the signed `payload` (RFC 9901 §7.1).

    The caller has verified the signature over `payload` and picked `h` by its `_sd_alg`.

    Raises:
        InvalidDisclosureError: A digest is not in `_sd`, stands there twice, two disclosures are
            the same or name the same claim, or one would replace a claim of the payload.
    """
    listed = payload.get("_sd", [])
    if not isinstance(listed, list) or not all(isinstance(digest, str) for digest in listed):
        raise InvalidDisclosureError("_sd is not an array of texts")
    if len(set(listed)) != len(listed):
        raise InvalidDisclosureError("_sd repeats a digest")
    left, disclosed = set(listed), dict[str, Any]()
    for encoded in disclosures:
        disclosure = parse_disclosure(encoded)
        digest = disclosure.digest(h)
        if digest not in left:
            raise InvalidDisclosureError("a disclosure does not belong to this credential")
        left.remove(digest)
        if disclosure.name in disclosed or disclosure.name in payload:
            raise InvalidDisclosureError("a disclosure names a claim that is there already")
        if _has_digests(disclosure.value):
            raise InvalidDisclosureError("nested disclosures are not used here")
        disclosed[disclosure.name] = disclosure.value
    return disclosed


def _has_digests(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key in _FORBIDDEN or _has_digests(part) for key, part in value.items())
    if isinstance(value, list):
        return any(_has_digests(part) for part in value)
    return False


def _refuse_constant(name: str) -> None:
    raise InvalidDisclosureError(f"{name} is not JSON")
