"""The userinfo endpoint (OIDC Core §5.3): the claims that a token's scope releases. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.oauth.claims import Subject, released
from idp.oauth.errors import InsufficientScopeError, InvalidTokenError
from idp.oauth.scopes import OPENID
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.families import Issuing
from kernel.pages import ZONE

SubjectOf = Callable[[Session, UUID], Subject | None]
_SCHEME: Final = "bearer"


def bearer_token(headers: Mapping[str, str], form: Mapping[str, str]) -> str:
    """Return the token from the header or a form body, never from the query (RFC 6750 §2, RFC 9700 §4.3.2).

    Raises:
        InvalidTokenError: There is none, or one in both places.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    found = [
        text for text in (token.strip() if scheme.lower() == _SCHEME else "", form.get("access_token", "")) if text
    ]
    if len(found) != 1:
        raise InvalidTokenError("there must be exactly one bearer token")
    return found[0]


def userinfo(token: str, *, subject_of: SubjectOf, by: Issuing) -> dict[str, Any]:
    """Return `sub` and what the token's scope releases.

    Raises:
        InvalidTokenError: The token is unknown, over or revoked.
        InsufficientScopeError: It was not given for OpenID Connect.
    """
    now = by.clock.now()
    with by.database.read() as session:
        row = rows.token_by_access(session, tokens.access_hash(by.keyed, token))
        if row is None or row.access_revoked_at or row.grant_revoked_at or now >= row.access_expires_at:
            raise InvalidTokenError("the access token is unknown, over or revoked")
        scopes = row.scope.split()
        if OPENID not in scopes:
            raise InsufficientScopeError("the token's scope lacks openid")
        subject = subject_of(session, row.person_id)
    if subject is None:
        raise InvalidTokenError("the person is not known any more")
    return {"sub": row.sub, **released(scopes, subject, now.astimezone(ZONE).date())}
