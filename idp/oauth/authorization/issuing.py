"""What the authorization endpoint gives out: a code, and where registered an access token and an ID token beside it.

First everything is made and signed, then it is kept in the transaction that records the
consent. A token from here came through the browser: it is bound to nothing, its grant gives no
refresh token, and its family ends with the code's reuse like any other's (OIDC Core §3.2, §3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from idp.oauth.authorization.acr import acr_told
from idp.oauth.authorization.code import keep_grant
from idp.oauth.authorization.kept import use_up
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.response_modes import CODE, ID_TOKEN, TOKEN, by_front_channel, holds
from idp.oauth.authorization.steps import SignedIn
from idp.oauth.claims import released
from idp.oauth.pairwise import sub_of
from idp.oauth.stores import logout
from idp.oauth.stores import tokens as rows
from idp.oauth.stores.subs import live_sub
from idp.oauth.tokens.access import Access, SignIn
from idp.oauth.tokens.binding import Binding
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.id_token import half_hashes, personal_claims, sign_id_token
from idp.oauth.tokens.values import new_pair
from kernel.ids import new_id, new_token
from kernel.pages import ZONE
from kernel.store import Executor


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer that is made, but not kept yet."""

    grant_id: UUID
    code: str | None
    access: Access | None
    params: tuple[tuple[str, str], ...]


def prepare_answer(request: AuthorizationRequest, signed_in: SignedIn, *, by: Issuing) -> Prepared:
    """Make what the response type names (OAuth 2.0 Multiple Response Types §3, §5). Nothing is kept yet.

    Only a person's name at the sector is, where an ID token or an access token needs it first.
    """
    wanted = request.response_type
    code = new_token() if holds(wanted, CODE) else None
    if not by_front_channel(wanted):
        return Prepared(new_id(), code, None, (("code", code or ""),))
    sub = _sub(request, signed_in, by=by)
    access, text = _access(request, signed_in, sub, by=by) if holds(wanted, TOKEN) else (None, None)
    params = [("code", code)] if code else []
    if access is not None and text is not None:
        params += [(name, str(value)) for name, value in access.answer(text).items() if isinstance(value, str | int)]
    if holds(wanted, ID_TOKEN):
        params.append(("id_token", _id_token(request, signed_in, sub, code=code, access=text, by=by)))
    return Prepared(new_id(), code, access, tuple(params))


def keep_answer(
    on: Executor,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    prepared: Prepared,
    *,
    until: datetime,
    by: Issuing,
) -> None:
    """Keep what was made, and that the platform takes part in the browser's session, which ends by `until`.

    Raises:
        RequestOverError: The request was kept, and answered already.
    """
    use_up(on, request)
    sector, now = request.client.sector, request.now
    sub = sub_of(on, sector, signed_in.person_id, key=by.pairwise_key, now=now)
    if prepared.code is not None or prepared.access is not None:
        grant_id = prepared.grant_id
        keep_grant(on, request, signed_in, grant_id=grant_id, sub=sub, code=prepared.code, keyed=by.keyed)
    if prepared.access is not None:
        rows.insert_token(on, prepared.access.row(by.keyed, grant_id=prepared.grant_id))
    logout.note_participant(on, signed_in.session_id, request.client.client_id, sub, until)


def _sub(request: AuthorizationRequest, signed_in: SignedIn, *, by: Issuing) -> str:
    sector, person_id = request.client.sector, signed_in.person_id
    with by.database.read() as session:
        known = live_sub(session, sector, person_id)
    if known is not None:
        return known
    with by.database.write() as session:
        return sub_of(session, sector, person_id, key=by.pairwise_key, now=request.now)


def _access(request: AuthorizationRequest, signed_in: SignedIn, sub: str, *, by: Issuing) -> tuple[Access, str]:
    client = request.client
    access = Access.issued(
        new_pair(offline=False, jwt=client.metadata.xinji_access_token_format == "jwt").access,  # noqa: S105 - a format
        client_id=client.client_id,
        sub=sub,
        scope=request.scope,
        resources=list(request.resources) or None,
        details=request.details or None,
        binding=Binding(),
        now=request.now,
        signed_in=SignIn(acr_told(request.acr, signed_in.amr), " ".join(signed_in.amr), signed_in.auth_time),
    )
    return access, access.text(client, issuer=by.issuer, keys=by.keys)


def _id_token(
    request: AuthorizationRequest, signed_in: SignedIn, sub: str, *, code: str | None, access: str | None, by: Issuing
) -> str:
    alg = request.client.metadata.id_token_signed_response_alg
    return sign_id_token(
        by.issuer,
        by.keys,
        alg,
        sub=sub,
        audience=request.client.client_id,
        session_id=signed_in.session_id,
        auth_time=signed_in.auth_time,
        acr=acr_told(request.acr, signed_in.amr),
        amr=list(signed_in.amr),
        now=request.now,
        more={
            **_personal(request, signed_in, by=by),
            **half_hashes(alg, access=access, code=code),
            "nonce": request.values["nonce"],
        },
    )


def _personal(request: AuthorizationRequest, signed_in: SignedIn, *, by: Issuing) -> dict[str, Any]:
    """Return what the `claims` parameter asks for here; all that scopes ask for where no token will follow (§5.4)."""
    if request.response_type != ID_TOKEN:
        return personal_claims(request.claims.stored, signed_in.person_id, by=by)
    with by.database.read() as session:
        subject = by.subject_of(session, signed_in.person_id)
    if subject is None:
        return {}
    names = (request.claims.stored or {}).get("id_token") or ()
    return released(request.scopes, subject, request.now.astimezone(ZONE).date(), also=names)
