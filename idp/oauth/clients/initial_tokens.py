"""Initial access tokens: who may register platforms by program (RFC 7591 §3), how often, until when.

A token is shown once and kept as a keyed hash. Each registration takes one use of it in the
registration's own transaction, so that two at once never share the last one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.oauth.clients.uris import invalid
from idp.oauth.models import InitialAccessToken
from idp.oauth.stores import initial_tokens as rows
from kernel import audit
from kernel.ids import new_id, new_token

PREFIX: Final = "xia_"
MAX_USES: Final = 1_000
MAX_TOKEN: Final = 512
MAX_OWNER: Final = 100


def issue_initial_token(  # noqa: PLR0913 - the columns of a token, all by name
    session: Session,
    *,
    owner: str,
    made_by: UUID | None,
    uses: int,
    expires_at: datetime,
    keyed: Keyed,
    now: datetime,
    require_pkce: bool = True,
) -> str:
    """Return a new token, the only time it is seen.

    `owner` answers for what is registered with it. Without `require_pkce` confidential
    platforms may do without PKCE (RFC 9700 §2.1.1): for those whose library cannot.

    Raises:
        InvalidClientMetadataError: Owner, uses or end make no sense.
    """
    if not 0 < len(owner.strip()) <= MAX_OWNER:
        raise invalid("owner", f"it is empty or longer than {MAX_OWNER} characters")
    if not 0 < uses <= MAX_USES:
        raise invalid("uses", f"there are 1 to {MAX_USES}")
    if expires_at <= now:
        raise invalid("expires_at", "it lies in the past")
    token = PREFIX + new_token()
    row = InitialAccessToken(
        id=new_id(),
        token_hash=initial_token_hash(keyed, token),
        owner=owner.strip(),
        made_by=made_by,
        uses=uses,
        uses_left=uses,
        require_pkce=require_pkce,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    audit.record(session, at=now, action="initial_token.issue", actor=made_by, subject=row.id, uses=uses)
    return token


def revoke_initial_token(session: Session, token_id: UUID, *, actor: UUID | None, now: datetime) -> bool:
    """End a token; False where there is none that is in force. What was registered with it stays."""
    if not rows.revoke(session, token_id, now):
        return False
    audit.record(session, at=now, action="initial_token.revoke", actor=actor, subject=token_id)
    return True


def initial_token_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash under which a token is kept."""
    return keyed.of("initial-access", token[:MAX_TOKEN])
