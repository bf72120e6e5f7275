"""Verifier keys in one line of text, and what each kind of key signs of a note.

`<name>+<key id, 8 hex>+<base64(type ‖ key)>` (C2SP signed-note, verifier keys). Four kinds:

| kind | type bytes | signs |
|---|---|---|
| ED25519 | 0x01 | the note's text |
| SM2 | 0xff `xinji/sm2/v1` | the note's text |
| ED25519_COSIGNATURE | 0x04 | `cosignature/v1`, `time N`, the note's text |
| SM2_COSIGNATURE | 0xff `xinji/sm2-cosignature/v1` | the same under its own first line |

Pure. Knows the bytes; whom to trust is the caller's.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from crypto.encoding import b64, b64u, from_b64
from crypto.errors import CryptoError, InvalidEncodingError, InvalidSignatureError
from crypto.hashes import sha256
from crypto.keys import ED25519, SGD_SM3_SM2, SM2_CURVE, PublicKey, public_key
from ledger.errors import InvalidNoteError, InvalidNoteSignatureError

KEY_ID_SIZE: Final = 4
SIGNATURE_SIZE: Final = 64
TIME_SIZE: Final = 8
TIME_LIMIT: Final = 1 << 63
_POINT_SIZE: Final = 65
_SEED_SIZE: Final = 32
_TEXT: Final = re.compile(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


class Kind(Enum):
    """A signature type of C2SP signed-note; the value is what stands before the key's bytes."""

    ED25519 = b"\x01"
    ED25519_COSIGNATURE = b"\x04"
    SM2 = b"\xffxinji/sm2/v1"
    SM2_COSIGNATURE = b"\xffxinji/sm2-cosignature/v1"

    @property
    def alg(self) -> str:
        """The JOSE name of the algorithm behind this kind."""
        return SGD_SM3_SM2 if self in (Kind.SM2, Kind.SM2_COSIGNATURE) else ED25519

    @property
    def timestamped(self) -> bool:
        """Whether the signature carries a time: witnesses' do, logs' do not."""
        return self in (Kind.ED25519_COSIGNATURE, Kind.SM2_COSIGNATURE)

    @property
    def header(self) -> bytes:
        """The first line of what a witness signs: it keeps a cosignature from posing as a log's."""
        return b"cosignature/v1\n" if self is Kind.ED25519_COSIGNATURE else self.value[1:] + b"\n"


LOG_KINDS: Final = (Kind.SM2, Kind.ED25519)
WITNESS_KINDS: Final = (Kind.SM2_COSIGNATURE, Kind.ED25519_COSIGNATURE)


def kind_of(alg: str, *, timestamped: bool) -> Kind:
    """Return the kind of note signature made with `alg`, by a log or (timestamped) by a witness.

    Raises:
        InvalidNoteError: Notes are not signed with that algorithm.
    """
    for kind in WITNESS_KINDS if timestamped else LOG_KINDS:
        if kind.alg == alg:
            return kind
    raise InvalidNoteError(f"notes are not signed with {alg}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key and the kind of signatures it makes."""

    name: str
    kind: Kind
    key: PublicKey

    def __post_init__(self) -> None:
        """Refuse a name that a note cannot carry, and a key of another algorithm.

        Raises:
            InvalidNoteError: One of the two.
        """
        check_name(self.name)
        if self.key.alg != self.kind.alg:
            raise InvalidNoteError(f"a key of {self.key.alg} makes no {self.kind.name} signatures")

    @property
    def material(self) -> bytes:
        """The type and the key: for SM2 the uncompressed point, for Ed25519 its 32 bytes."""
        return self.kind.value + self.key.point

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that signature lines name this key by. An identifier, not a commitment."""
        return sha256(self.name.encode() + b"\n" + self.material)[:KEY_ID_SIZE]

    def __str__(self) -> str:
        """Return the verifier key's line of text."""
        return f"{self.name}+{self.key_id.hex()}+{b64(self.material)}"

    def verify(self, text: str, value: bytes) -> int | None:
        """Check a signature's bytes over a note's text; return the time it carries, if any.

        Raises:
            InvalidNoteSignatureError: It does not verify, or its form is wrong.
        """
        time: int | None = None
        message = text.encode()
        if self.kind.timestamped:
            time, value = int.from_bytes(value[:TIME_SIZE], "big"), value[TIME_SIZE:]
            message = cosigned(self.kind, text, time)
        if len(value) != SIGNATURE_SIZE:
            raise InvalidNoteSignatureError(f"a signature by {self.name} has the wrong size")
        try:
            self.key.verify(value, message)
        except InvalidSignatureError as error:
            raise InvalidNoteSignatureError(f"a signature by {self.name} does not verify") from error
        return time


def cosigned(kind: Kind, text: str, time: int) -> bytes:
    """Return the bytes that a witness signs over a checkpoint's text at `time`, in POSIX seconds.

    Raises:
        InvalidNoteSignatureError: The time does not fit the format (it ends at 2**63 - 1).
    """
    if not 0 <= time < TIME_LIMIT:
        raise InvalidNoteSignatureError("a cosignature's time is out of range")
    return kind.header + b"time %d\n" % time + text.encode()


def check_name(name: str) -> None:
    """Check that `name` can name a key: not empty, no spaces of any script, no plus sign.

    Raises:
        InvalidNoteError: It cannot.
    """
    if not name or "+" in name or not name.isprintable() or any(sign.isspace() for sign in name):
        raise InvalidNoteError("a key's name holds no space, no plus sign and no control character")


def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key.

    Raises:
        InvalidNoteError: Another form, a kind that is not known here, a key that is none, or a
            key id that is not this key's.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise InvalidNoteError("a verifier key is <name>+<key id>+<key>")
    name, key_id, encoded = match.groups()
    try:
        material = from_b64(encoded)
    except InvalidEncodingError as error:
        raise InvalidNoteError("a verifier key is <name>+<key id>+<base64>") from error
    key = _key(name, material)
    if not hmac.compare_digest(key.key_id.hex(), key_id):
        raise InvalidNoteError("the key id is not this key's")
    return key


def _key(name: str, material: bytes) -> VerifierKey:
    for kind in Kind:
        encoded = material.removeprefix(kind.value)
        if len(encoded) == len(material) or len(encoded) != _size(kind):
            continue
        try:
            return VerifierKey(name, kind, public_key(_jwk(kind, encoded)))
        except CryptoError as error:
            raise InvalidNoteError("the bytes are no public key") from error
    raise InvalidNoteError("a verifier key of an unknown kind, or of the wrong length")


def _size(kind: Kind) -> int:
    return _POINT_SIZE if kind.alg == SGD_SM3_SM2 else _SEED_SIZE


def _jwk(kind: Kind, encoded: bytes) -> dict[str, str]:
    if kind.alg == ED25519:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u(encoded)}
    if encoded[0] != 4:  # noqa: PLR2004 - the uncompressed form of a point (SEC 1 §2.3.3)
        raise InvalidNoteError("an SM2 key is an uncompressed point")
    return {"kty": "EC", "crv": SM2_CURVE, "x": b64u(encoded[1:33]), "y": b64u(encoded[33:])}
