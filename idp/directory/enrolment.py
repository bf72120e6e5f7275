"""Make a person: number, data key, sealed profile and document, as rows ready to insert.

Everything slow (encryption, random numbers) happens here, outside of any transaction. The
database decides uniqueness: a number or a document that exists meanwhile fails the insert,
and the caller looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from idp.directory.eid import new_eid
from idp.directory.identity_document import IdentityDocument
from idp.directory.profiles import Profile, seal_number, seal_profile
from idp.directory.services import DirectoryServices
from kernel.ids import new_id

PROVISIONAL, ASSERTED = 0, 1

Row = Mapping[str, Any]


class Newcomer(NamedTuple):
    """The rows of a new person: the person, and the document where there is one."""

    id: UUID
    person: Row
    document: Row | None


def draft_person(
    profile: Profile, document: IdentityDocument | None, *, source_id: UUID, now: datetime, by: DirectoryServices
) -> Newcomer:
    """Draft a person whom the organisation `source_id` asserts (L1), or provisional without evidence (L0)."""
    id_ = new_id()
    wrapped = by.vault.new_key(id_)
    evidence = document is not None and document.index_text is not None
    person = {
        "id": id_,
        "eid": new_eid(),
        "wrapped_key": wrapped,
        "profile": seal_profile(by.vault, wrapped, id_, profile),
        "candidate_index": by.index.of(profile.candidate_text),
        "index_key_id": by.index.key_id,
        "level": ASSERTED if evidence else PROVISIONAL,
        "source_id": source_id,
        "created_at": now,
        "changed_at": now,
        "activated_at": None,
    }
    if document is None:
        return Newcomer(id_, person, None)
    row = draft_document(document, person_id=id_, wrapped=wrapped, source_id=source_id, now=now, by=by)
    return Newcomer(id_, person, row)


def draft_document(
    document: IdentityDocument,
    *,
    person_id: UUID,
    wrapped: bytes,
    source_id: UUID,
    now: datetime,
    by: DirectoryServices,
) -> Row:
    """Draft the row of a document of a person whose data key is `wrapped`."""
    id_ = new_id()
    return {
        "id": id_,
        "person_id": person_id,
        "type": document.type,
        "country": document.country,
        "kid": None if document.index_text is None else by.index.key_id,
        "blind_index": index_of(document, by),
        "ciphertext": seal_number(by.vault, wrapped, person_id, id_, document.number),
        "status": "active",
        "asserted_by": source_id,
        "created_at": now,
    }


def index_of(document: IdentityDocument | None, by: DirectoryServices) -> bytes | None:
    """Return the blind index of a document, or None where it is evidence of nobody."""
    text = None if document is None else document.index_text
    return None if text is None else by.index.of(text)
