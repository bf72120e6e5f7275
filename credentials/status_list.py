"""The IETF Token Status List (draft-ietf-oauth-status-list): bits, compression, token payload. Pure.

Two bits a credential, least significant first; one list of 2^20 entries is shared by all
schools of a province, at random indices, so that an index tells neither school nor time.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Collection, Mapping
from enum import IntEnum
from typing import Any, Final

from credentials.errors import InvalidStatusListError
from crypto.encoding import b64u, from_b64u
from crypto.errors import CryptoError

TYP: Final = "statuslist+jwt"
STATEMENT_TYP: Final = "xinji-status-statement+jwt"
MEDIA_TYPE: Final = "application/statuslist+jwt"
BITS: Final = 2
SIZE: Final = 1 << 20
_PER_BYTE: Final = 8 // BITS
_ALLOWED_BITS: Final = (1, 2, 4, 8)


class Status(IntEnum):
    """What a credential's two bits say."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3


def pack(statuses: Mapping[int, int], *, size: int = SIZE) -> bytes:
    """Return the list's bytes: `statuses` at their indices, 0 everywhere else.

    Raises:
        InvalidStatusListError: An index is outside the list, or a status needs more than two bits.
    """
    packed = bytearray(size // _PER_BYTE)
    for index, status in statuses.items():
        if not 0 <= index < size or not 0 <= status < 1 << BITS:
            raise InvalidStatusListError("an index or a status is outside the list")
        packed[index // _PER_BYTE] |= status << (index % _PER_BYTE * BITS)
    return bytes(packed)


def compress(packed: bytes) -> str:
    """Return `lst`: base64url of the bytes in zlib format at the highest level, as the draft recommends."""
    return b64u(zlib.compress(packed, 9))


def decompress(lst: str, *, limit: int = SIZE) -> bytes:
    """Return the bytes of `lst`, at most `limit` of them.

    Raises:
        InvalidStatusListError: It is no complete zlib stream, or it unpacks to more than `limit` bytes.
    """
    try:
        stream = zlib.decompressobj()
        packed = stream.decompress(from_b64u(lst), limit)
        if not stream.eof or stream.unused_data:
            raise InvalidStatusListError("lst is cut, followed by something, or too long")
    except (CryptoError, ValueError, zlib.error) as error:
        raise InvalidStatusListError("lst is not base64url of a zlib stream") from error
    return packed


def status_at(packed: bytes, index: int, *, bits: int = BITS) -> int:
    """Return the status at `index`.

    Raises:
        InvalidStatusListError: The list ends before it, or `bits` is none of 1, 2, 4, 8.
    """
    if bits not in _ALLOWED_BITS:
        raise InvalidStatusListError("bits is none of 1, 2, 4, 8")
    per_byte = 8 // bits
    if not 0 <= index < len(packed) * per_byte:
        raise InvalidStatusListError("the list ends before this index")
    return packed[index // per_byte] >> (index % per_byte * bits) & ((1 << bits) - 1)


def payload(lst: str, *, uri: str, issuer: str, issued_at: int, lifetime: int, ttl: int) -> dict[str, Any]:
    """Return the payload of a status list token; times are NumericDates and seconds."""
    return {
        "sub": uri,
        "iss": issuer,
        "iat": issued_at,
        "exp": issued_at + lifetime,
        "ttl": ttl,
        "status_list": {"bits": BITS, "lst": lst},
    }


def draw(
    count: int,
    taken: Callable[[Collection[int]], Collection[int]],
    *,
    size: int = SIZE,
    below: Callable[[int], int] = secrets.randbelow,
) -> list[int]:
    """Draw `count` different random indices of which `taken` says that they are free.

    Args:
        count: How many.
        taken: Returns those of the indices it is given that are in use.
        size: The list's length; the caller opens a new list long before it is full.
        below: The source of randomness.
    """
    drawn: list[int] = []
    while len(drawn) < count:
        wanted: list[int] = []
        for _ in range(count - len(drawn)):
            index = below(size)
            if index not in drawn and index not in wanted:
                wanted.append(index)
        used = frozenset(taken(wanted))
        drawn += [index for index in wanted if index not in used]
    return drawn
