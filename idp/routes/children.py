"""A guardian's pages: the children, what they ask for, what platforms are allowed; and the holder's own guardians."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from idp import store as accounts
from idp.consent import asking
from idp.consent import store as consents_store
from idp.consent.giving import end_of_guardianship
from idp.consent.showing import platforms_of
from idp.consent.wish import Wish, wish_again
from idp.directory import guardianship
from idp.directory.errors import DirectoryError
from idp.errors import IdpError, RequestGoneError
from idp.models import ConsentRequest
from idp.oauth.clients.registered import RegisteredClient
from idp.routes import consents
from idp.routes.developer import ClientId
from idp.routes.forms import go, show
from idp.routes.services import IdpServices, idp_of
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import SignInRequiredError, XinjiError

router = APIRouter(include_in_schema=False)
PAGE = "/account/children"
Decision = Annotated[str, Form(max_length=16)]


@router.get(PAGE, dependencies=[allow("signed-in")])
async def children(request: Request, actor: CurrentActor) -> Response:
    """Show one's children with what waits and what is allowed, and one's own guardians."""
    _with_all_factors(request, actor)
    return _page(request, actor)


@router.get(f"{PAGE}/requests/{{request_id}}", dependencies=[allow("signed-in")])
async def asked(request: Request, actor: CurrentActor, request_id: UUID) -> Response:
    """Show who asks a child for what, with the values that will be sent."""
    _with_all_factors(request, actor)
    try:
        row, link = _request(request, request_id, actor)
        client, wish = _wish(request, row)
    except IdpError as error:
        return _page(request, actor, error=error)
    values = {
        "client": client,
        **consents.page_values(request, row.person_id, wish),
        "for_child": link,
        "action": f"{PAGE}/requests/{row.id}",
    }
    return show(request, "consent.html", values)


@router.post(f"{PAGE}/requests/{{request_id}}", dependencies=[allow("signed-in"), CSRF])
async def decide(request: Request, actor: CurrentActor, request_id: UUID, decision: Decision = "") -> Response:
    """Take the guardian's decision: the first of two guardians decides."""
    _with_all_factors(request, actor)
    idp = idp_of(request)
    now, vault = idp.now(), idp.directory.vault
    try:
        row, _ = _request(request, request_id, actor)
        client, _ = _wish(request, row)
        words = consents.words_of(request)
        with idp.database.write() as session:
            if decision == "allow":
                asking.allow(session, row.id, client, guardian_id=actor.person_id, words=words, now=now, vault=vault)
            else:
                asking.refuse(session, row.id, guardian_id=actor.person_id, now=now, vault=vault)
    except IdpError as error:
        return _page(request, actor, error=error)
    return go(PAGE)


@router.post(f"{PAGE}/{{link_id}}/platforms/{{client_id}}/withdraw", dependencies=[allow("signed-in"), CSRF])
async def withdraw(request: Request, actor: CurrentActor, link_id: UUID, client_id: ClientId) -> Response:
    """Withdraw what a platform is allowed of a child, and its tokens."""
    _with_all_factors(request, actor)
    idp = idp_of(request)
    with idp.database.write() as session:
        asking.withdraw_for(
            session, link_id, client_id, guardian_id=actor.person_id, now=idp.now(), vault=idp.directory.vault
        )
    return go(PAGE)


@router.post("/account/guardians/{link_id}/object", dependencies=[allow("signed-in"), CSRF])
async def object_to(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """Object to a new guardian of one's child, before it counts."""
    _with_all_factors(request, actor)
    idp = idp_of(request)
    try:
        with idp.database.write() as session:
            guardianship.object_to(session, link_id, actor=actor.person_id, now=idp.now(), vault=idp.directory.vault)
    except DirectoryError as error:
        return _page(request, actor, error=error)
    return go(PAGE)


@router.post("/account/guardians/{link_id}/resign", dependencies=[allow("signed-in"), CSRF])
async def resign(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """End one's own guardianship, and what was allowed under it."""
    _with_all_factors(request, actor)
    idp = idp_of(request)
    with idp.database.write() as session:
        guardianship.resign(session, link_id, actor=actor.person_id, now=idp.now())
        end_of_guardianship(session, link_id, by=actor.person_id, now=idp.now())
    return go(PAGE)


@router.post("/account/guardians/{link_id}/renew", dependencies=[allow("signed-in"), CSRF])
async def renew(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """Keep a guardian after the 14th birthday."""
    idp = idp_of(request)
    with idp.database.write() as session:
        guardianship.renew(session, link_id, actor=actor.person_id, now=idp.now(), vault=idp.directory.vault)
    return go(PAGE)


@router.post("/account/guardians/{link_id}/leave", dependencies=[allow("signed-in"), CSRF])
async def leave(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """End a guardian's part from 14 on."""
    idp = idp_of(request)
    with idp.database.write() as session:
        guardianship.leave(session, link_id, actor=actor.person_id, now=idp.now(), vault=idp.directory.vault)
        end_of_guardianship(session, link_id, by=actor.person_id, now=idp.now())
    return go(PAGE)


def _with_all_factors(request: Request, actor: Actor) -> None:
    """Raise where somebody who has a second factor acts for a child without it.

    Raises:
        SignInRequiredError: The second factor was not used.
    """
    if actor.two_factors:
        return
    with idp_of(request).database.read() as session:
        if accounts.confirmed_totp(session, actor.person_id) is not None:
            raise SignInRequiredError("acting for a child needs the second factor", step_up=True)


def _request(request: Request, request_id: UUID, actor: Actor) -> tuple[ConsentRequest, guardianship.Link]:
    idp = idp_of(request)
    with idp.database.read() as session:
        return asking.request_for(session, request_id, actor.person_id, now=idp.now(), vault=idp.directory.vault)


def _wish(request: Request, row: ConsentRequest) -> tuple[RegisteredClient, Wish]:
    client = idp_of(request).clients.get(row.client_id)
    wish = None if client is None else wish_again(row, client)
    if client is None or wish is None:
        raise RequestGoneError("the platform is blocked, or has changed since")
    return client, wish


def _page(request: Request, actor: Actor, *, error: XinjiError | None = None) -> Response:
    return show(request, "children.html", _values(idp_of(request), actor), error=error)


def _values(idp: IdpServices, actor: Actor) -> dict[str, Any]:
    now, vault = idp.now(), idp.directory.vault
    with idp.database.read() as session:
        links = guardianship.children_of(session, actor.person_id, now=now, vault=vault)
        deciding = {link.child_id: link for link in links if link.decides}
        waiting = consents_store.open_requests(session, list(deciding), now)
        return {
            "links": links,
            "requests": [
                (row, deciding[row.person_id], client)
                for row in waiting
                if (client := idp.clients.get(row.client_id)) is not None
            ],
            "platforms": {
                link.id: platforms_of(session, link.child_id, child=link.decides, now=now)
                for link in links
                if link.state == "effective"
            },
            "notices": guardianship.notices_for(session, actor.person_id, now=now, vault=vault),
            "guardians": guardianship.guardians_of(session, actor.person_id, now=now, vault=vault),
        }
