"""Requests that are kept for the browser to refer to: after a push (RFC 9126), or out of a long address.

A kept request must be *begun* within its short life: a ticket of ours then stands in the
address and carries it through sign-in, for the hour of the ticket. It is used up by the
answer, so that nothing comes of a `request_uri` that is found later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from idp.errors import RequestOverError
from idp.keyed import Keyed
from idp.oauth.authorization.request import AuthorizationRequest, Origin, Pairs, read_request
from idp.oauth.authorization.ticket import LIFE as TICKET_LIFE
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.stores import pushed as rows
from idp.oauth.tokens.families import Issuing
from kernel.ids import new_token
from kernel.store import Executor

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
LIFE: Final = timedelta(seconds=90)
_MAX_URI: Final = 512


def keep_request(on: Executor, keyed: Keyed, request: AuthorizationRequest, *, pushed: bool) -> str:
    """Keep the request and return its `request_uri`; one that was not pushed is begun already."""
    reference = new_token()
    begin_by = request.now + LIFE if pushed else request.now
    rows.insert_request(
        on,
        {
            "uri_hash": _hash(keyed, reference),
            "client_id": request.client.client_id,
            "parameters": [list(pair) for pair in request.pairs],
            "pushed": pushed,
            "signed": request.origin.signed,
            "created_at": request.now,
            "begin_by": begin_by,
            "expires_at": begin_by + TICKET_LIFE,
        },
    )
    return PREFIX + reference


def reopen_request(
    uri: str, client: RegisteredClient, *, begun: bool, now: datetime, by: Issuing
) -> AuthorizationRequest:
    """Return the kept request of `uri`; `begun` where the browser holds a ticket of ours for it.

    Raises:
        RequestOverError: It is unknown, another platform's, used up, or was not begun in time; never said which.
        UnknownRedirectUriError: The platform's redirect_uris changed meanwhile.
    """
    uri_hash = _hash(by.keyed, uri.removeprefix(PREFIX))
    with by.database.read_core() as connection:
        row = rows.request(connection, uri_hash) if len(uri) <= _MAX_URI else None
    if row is None or row.client_id != client.client_id or row.used_at is not None:
        raise RequestOverError("the request_uri leads to nothing")
    if now >= row.expires_at or (now >= row.begin_by and not begun):
        raise RequestOverError("the request_uri was not used in time")
    pairs = [(name, value) for name, value in row.parameters]
    return read_request(pairs, client, now=now, origin=Origin(row.pushed, row.signed, uri_hash))


def use_up(on: Executor, request: AuthorizationRequest) -> None:
    """Note that a kept request is answered now: in the transaction that answers it.

    Raises:
        RequestOverError: Somebody was first.
    """
    kept = request.origin.kept
    if kept is not None and not rows.use_request(on, kept, request.now):
        raise RequestOverError("the request_uri was used already")


def reference_to(client_id: str, uri: str) -> Sequence[tuple[str, str]]:
    """Return the parameters with which a browser comes back for the kept request."""
    return [("client_id", client_id), ("request_uri", uri)]


def is_reference(pairs: Pairs) -> bool:
    """Whether a request is a reference to a kept one."""
    return dict(pairs).get("request_uri", "").startswith(PREFIX)


def _hash(keyed: Keyed, reference: str) -> bytes:
    return keyed.of("pushed-request", reference)
