"""What an entry commits to: one SM3 over a document in all its suites.

Pure. Knows no log and no JWT beyond where an SD-JWT's disclosures begin. SM3 is fixed here,
whatever hash the log's tree uses: a commitment outlives the log it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crypto.hashes import sm3
from ledger.errors import InvalidEntryError
from ledger.formats.entry import check_code

CREDENTIAL: Final = "xinji/credential/1"
ACCREDITATION: Final = "xinji/accreditation/1"
STATUS_LIST: Final = "xinji/status-list/1"
RELEASE: Final = "xinji/release/1"
AUDIT_HEAD: Final = "xinji/audit-head/1"


def commit(tag: str, issuer_code: str, suites: Mapping[str, str | bytes]) -> bytes:
    """Return the 32-byte commitment to one document.

    SM3(tag ‖ 0x00 ‖ code ‖ count (1) ‖ for each suite in ASCII order of its id:
    len(id) (1) ‖ id ‖ SM3(JWT)), where the JWT of an SD-JWT ends before the first `~`:
    disclosures come and go, the issuer's signature stays.

    Raises:
        InvalidEntryError: A tag, code, suite id or document that cannot be encoded.
    """
    check_code(issuer_code)
    if not tag or not tag.isascii() or "\0" in tag:
        raise InvalidEntryError("a commitment's tag is ASCII and not empty")
    if not 1 <= len(suites) <= 255:  # noqa: PLR2004 - what one byte can count
        raise InvalidEntryError("a commitment covers 1 to 255 suites")
    parts = [tag.encode("ascii"), b"\0", issuer_code.encode("ascii"), bytes((len(suites),))]
    for suite in sorted(suites):
        if not suite.isascii() or not 1 <= len(suite) <= 255:  # noqa: PLR2004
            raise InvalidEntryError("a suite's id is 1 to 255 ASCII signs")
        parts += [bytes((len(suite),)), suite.encode("ascii"), sm3(_signed(suites[suite]))]
    return sm3(b"".join(parts))


def _signed(document: str | bytes) -> bytes:
    if isinstance(document, str):
        if not document.isascii():
            raise InvalidEntryError("a JWT is ASCII")
        document = document.encode("ascii")
    signed = document.split(b"~", 1)[0]
    if not signed:
        raise InvalidEntryError("there is nothing to commit to")
    return signed
