"""What a log entry holds, and the commitments that stand in it.

`type (1 byte) ‖ issuer code (10 ASCII digits) ‖ commitment (32 bytes)`. A commitment is
SM3 over tag, code and the signed JWT of every suite, so a suite can neither be added nor
dropped afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from xinji_client.hashes import sm3

CREDENTIAL, ACCREDITATION = 1, 3
CREDENTIAL_TAG, ACCREDITATION_TAG = b"xinji/credential/1", b"xinji/accreditation/1"
ENTRY_BYTES = 43


def commitment(tag: bytes, code: str, suites: Mapping[str, str]) -> bytes:
    """Commit to the issuer-signed JWTs `suites` (suite id → compact token) of the issuer `code`."""
    parts = [tag, b"\x00", code.encode("ascii"), len(suites).to_bytes(1)]
    for suite in sorted(suites):
        parts += [len(suite).to_bytes(1), suite.encode("ascii"), sm3(suites[suite].encode("ascii"))]
    return sm3(b"".join(parts))


def entry(kind: int, code: str, committed: bytes) -> bytes:
    """Return the 43 bytes of a log entry."""
    return kind.to_bytes(1) + code.encode("ascii") + committed


def code_in(encoded: bytes) -> str | None:
    """Return the issuer code of an entry, or None where the bytes hold none."""
    digits = encoded[1:11]
    return digits.decode("ascii") if len(encoded) == ENTRY_BYTES and digits.isdigit() else None
