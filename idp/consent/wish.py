"""What a platform asks a person for, and whether what was given before includes it. Pure.

Scopes, single claims, authorization details, whom the data may be handed on to, and the purpose
and owner as registered at that moment: a platform that changes its purpose, or comes to belong
to somebody else, asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from idp.models import Consent, ConsentRequest
from idp.oauth.authorization.details import details_cover
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.scopes import asked_claims, scope_text

Receipt = Consent | ConsentRequest | Row[Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks, for what. `claims` names all that would be released, by scope and singly."""

    client_id: str
    name: str
    name_en: str
    owner: str
    purpose: str
    scopes: tuple[str, ...]
    claims: tuple[str, ...]
    details: tuple[Mapping[str, Any], ...]
    resources: tuple[str, ...] = ()
    """Where tokens for the data may be handed on to (RFC 8707, RFC 8693)."""

    @property
    def scope(self) -> str:
        """The scopes as one text."""
        return scope_text(self.scopes)

    @property
    def fields(self) -> dict[str, Any]:
        """What a receipt keeps beside the scope."""
        return {
            "claims": list(self.claims),
            "details": [dict(detail) for detail in self.details],
            "resources": list(self.resources),
        }


def wish_of(
    client: RegisteredClient,
    scopes: Iterable[str],
    *,
    also: Iterable[str] = (),
    details: Sequence[Mapping[str, Any]] = (),
    resources: Iterable[str] = (),
) -> Wish:
    """Return what `client` asks for: the scopes, single claims besides, authorization details, resources."""
    scopes = tuple(scopes)
    return Wish(
        client_id=client.client_id,
        name=client.name,
        name_en=client.name_en,
        owner=client.owner,
        purpose=client.purpose,
        scopes=scopes,
        claims=asked_claims(scopes, also),
        details=tuple(details),
        resources=tuple(resources),
    )


def wish_again(request: ConsentRequest, client: RegisteredClient) -> Wish | None:
    """Return what a child put to a guardian, or None where the platform has changed since."""
    if (request.owner, request.purpose) != (client.owner, client.purpose):
        return None
    return Wish(
        client_id=client.client_id,
        name=client.name,
        name_en=client.name_en,
        owner=client.owner,
        purpose=client.purpose,
        scopes=tuple(request.scope.split()),
        claims=tuple(request.fields["claims"]),
        details=tuple(request.fields["details"]),
        resources=tuple(request.fields.get("resources", ())),
    )


def includes(given: Iterable[Receipt], wish: Wish) -> bool:
    """Whether all of `given` together include all of `wish`, for the same purpose of the same owner."""
    fitting = [row for row in given if (row.owner, row.purpose) == (wish.owner, wish.purpose)]
    scopes = {scope for row in fitting for scope in row.scope.split()}
    claims = {claim for row in fitting for claim in row.fields["claims"]}
    details = [detail for row in fitting for detail in row.fields["details"]]
    resources = {uri for row in fitting for uri in row.fields.get("resources", ())}  # Receipts of before have none.
    return (
        bool(fitting)
        and set(wish.scopes) <= scopes
        and set(wish.claims) <= claims
        and set(wish.resources) <= resources
        and details_cover(details, wish.details)
    )
