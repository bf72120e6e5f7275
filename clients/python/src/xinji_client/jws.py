"""Compact JWS (RFC 7515 §3.1) as our formats use it: three parts, one algorithm to a suite, an exact `typ`.

The caller says which suite a token stands for; the token's own `alg` only has to agree.
So `none`, HS256 and an ES256 token signed "with" an SM2 key have nowhere to go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from xinji_client.encoding import from_b64u, strict_json
from xinji_client.errors import FormatError, SignatureError
from xinji_client.keys import SUITE_ALG, Key

MAX_TOKEN = 1 << 20
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed token whose signature nobody has checked yet. `text` is what was signed and hashed."""

    text: str
    suite: str
    key_id: str
    payload: dict[str, Any]
    signing_input: bytes
    signature: bytes

    def verify(self, keys: Sequence[Key]) -> None:
        """Check the signature with the key of `keys` that the header names.

        Raises:
            SignatureError: No such key for this suite, or the signature does not fit.
            EngineMissingError: An SM2 signature on a machine without SM2.
        """
        for key in keys:
            if key.key_id == self.key_id and key.alg == SUITE_ALG[self.suite]:
                key.verify(self.signature, self.signing_input)
                return
        raise SignatureError(f"no {SUITE_ALG[self.suite]} key {self.key_id!r} may sign this")


def parse(text: object, *, suite: str, typ: str) -> Token:
    """Read a compact token of one suite and one type.

    Raises:
        FormatError: Too long, not three parts, another alg or typ, no kid, a `crit`, or
            a payload that is no JSON object.
    """
    if not isinstance(text, str) or len(text) > MAX_TOKEN:
        raise FormatError("a token must be a string of at most 1 MiB")
    parts = text.split(".")
    if len(parts) != _PARTS:
        raise FormatError("a compact token has three parts")
    header, payload = (strict_json(from_b64u(part)) for part in parts[:2])
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise FormatError("header and payload must be JSON objects")
    if header.get("alg") != SUITE_ALG[suite]:
        raise FormatError(f"the {suite} suite signs with {SUITE_ALG[suite]}, not {header.get('alg')!r}")
    if header.get("typ") != typ:
        raise FormatError(f"typ must be {typ}, not {header.get('typ')!r}")
    if not isinstance(header.get("kid"), str):
        raise FormatError("kid must be a string")
    if "crit" in header:
        raise FormatError("an extension is marked critical that this verifier does not know")
    return Token(text, suite, header["kid"], payload, f"{parts[0]}.{parts[1]}".encode("ascii"), from_b64u(parts[2]))


def text_of(payload: dict[str, Any], name: str) -> str:
    """Return the string `name` of a payload.

    Raises:
        FormatError: It is absent, empty or no string.
    """
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise FormatError(f"{name} must be a string")
    return value


def integer_of(payload: dict[str, Any], name: str) -> int:
    """Return the integer `name` of a payload, zero or more.

    Raises:
        FormatError: It is absent, negative or no integer.
    """
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError(f"{name} must be an integer")
    return value


def texts_of(payload: dict[str, Any], name: str) -> Collection[str]:
    """Return the list of strings `name` of a payload.

    Raises:
        FormatError: It is absent or no list of strings.
    """
    value = payload.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormatError(f"{name} must be a list of strings")
    return value
