"""How tests read the answers of machine endpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from idp.oauth.server import Answer
from kernel.audit import AuditEvent
from tests.integration.idp.conftest import World


def body(answer: Answer) -> dict[str, Any]:
    """Return the JSON of a good answer."""
    assert answer.status == 200, answer.body
    assert isinstance(answer.body, dict)
    return answer.body


def error(answer: Answer) -> str:
    """Return the error of a refusal that no cache keeps."""
    assert answer.status in (400, 401, 403), answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    assert isinstance(answer.body, dict)
    assert str(answer.body).isascii()
    return str(answer.body["error"])


def reasons(world: World) -> list[Any]:
    """Return why token requests looked like theft."""
    with world.database.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "token.refuse")).all()
        return [event.detail.get("reason") for event in events]
