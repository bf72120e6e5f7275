"""A school's accreditation as a file that anybody can check offline, years later, without this server.

The chain of statements that was in force at a time, each with its place in the log, under the first
published checkpoint that held them all: from its quorum's time on the world could know of it. What was
said of a statement later travels with it; that nothing else was said, no file can show.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from crypto.encoding import b64
from ledger.bundles import LogProof, proofs_together
from ledger.errors import EntryNotFoundError
from ledger.log import LogServices
from ledger.registry.statements import statements_for

FORMAT: Final = "xinji/accreditation-proof/1"


def accreditation_proof(
    session: Session, log: LogServices, code: str, *, at: datetime | None = None, key_id: str | None = None
) -> dict[str, Any]:
    """Return the proof for the school with the 10-digit `code`.

    Args:
        session: A reading session.
        log: The log that holds the statements.
        code: The school's code.
        at: The time asked about; the statements in force then are chosen, the newest of all where none was.
        key_id: The key that the statement must name, if one is asked about.

    Raises:
        UnknownStatementError: Nobody has accredited it here, or not with that key.
        EntryNotFoundError: A statement is not published yet.
        TamperedTilesError: The tiles do not prove what was signed.
    """
    chain = statements_for(session, code, key_ids=() if key_id is None else (key_id,), at=at)
    commitments = [statement.commitment for statement in chain]
    proofs = proofs_together(session, log.tiles, commitments)
    if len(proofs) < len(set(commitments)):
        raise EntryNotFoundError("the log has not published the whole chain yet")
    return {
        "format": FORMAT,
        "statements": [
            {
                **statement.tokens,
                "proof": _path(proofs[statement.commitment]),
                "status": None if statement.status is None else dict(statement.status.tokens),
            }
            for statement in chain
        ],
        "log": {"origin": proofs[commitments[0]].origin, "checkpoint": proofs[commitments[0]].checkpoint},
    }


def _path(proof: LogProof) -> dict[str, Any]:
    return {"index": proof.index, "path": [b64(node) for node in proof.path]}
