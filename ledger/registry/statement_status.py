"""What became of a statement after it was made: retired, or its key compromised.

Pure. A superior says it in a token of its own and logs it like the statement. *Retired* ends
a statement from `since` on and cannot reach back before it was said; *compromised* counts
from `since` on, which may lie before it was said. Either way what was witnessed earlier stays
valid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ledger.registry.entities import Entity, parse_entity_id
from ledger.registry.errors import InvalidStatementError
from ledger.registry.statement import numeric_date

TYP: Final = "xinji-statement-status+jwt"

_COMMITMENT = re.compile(r"[0-9a-f]{64}", re.ASCII)


class State(StrEnum):
    """What a superior may say of its statement."""

    RETIRED = "retired"
    COMPROMISED = "compromised"


class StatementStatus(NamedTuple):
    """A well-formed status. `statement` is the commitment of the statement it is about."""

    issuer: Entity
    subject: Entity
    statement: bytes
    state: State
    since: int
    issued_at: int


def parse_status(payload: Mapping[str, Any]) -> StatementStatus:
    """Check the form of a status's payload and return what it says.

    Raises:
        InvalidStatementError: Something is missing or of the wrong form.
        InvalidEntityError: `iss` or `sub` is no entity identifier.
    """
    commitment, state = payload.get("statement"), payload.get("state")
    if not isinstance(commitment, str) or not _COMMITMENT.fullmatch(commitment):
        raise InvalidStatementError("statement is not a commitment in hex", field="statement")
    if not isinstance(state, str) or state not in set(State):
        raise InvalidStatementError("state is neither retired nor compromised", field="state")
    status = StatementStatus(
        issuer=parse_entity_id(payload.get("iss")),
        subject=parse_entity_id(payload.get("sub")),
        statement=bytes.fromhex(commitment),
        state=State(state),
        since=numeric_date(payload, "since"),
        issued_at=numeric_date(payload, "iat"),
    )
    if status.state is State.RETIRED and status.since < status.issued_at:
        raise InvalidStatementError("a statement is not retired in the past", field="since")
    return status


def status_payload(status: StatementStatus) -> dict[str, Any]:
    """Return the payload of a status token, after checking it as a verifier would."""
    payload = {
        "iss": status.issuer.entity_id,
        "sub": status.subject.entity_id,
        "statement": status.statement.hex(),
        "state": status.state.value,
        "since": status.since,
        "iat": status.issued_at,
    }
    parse_status(payload)
    return payload
