"""A bundle under examination: taken apart once, before the steps look at its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from xinji_client import chain, sdjwt
from xinji_client.anchor import NodeAnswers
from xinji_client.bundle import part_of, read_bundle
from xinji_client.encoding import strict_again
from xinji_client.errors import CheckFailed, FormatError
from xinji_client.hashes import sm3
from xinji_client.note import Checkpoint, checkpoint
from xinji_client.status import FreshStatus
from xinji_client.times import iso
from xinji_client.trust import Tree, Trust

CLOCK_SKEW = timedelta(seconds=300)
Read = TypeVar("Read")


@dataclass(slots=True)
class Case:
    """A bundle taken apart, and what the steps have found of it so far.

    A part that cannot be read is None, and `unread` keeps the finding that says why.
    """

    trust: Trust | None
    now: int
    parts: Mapping[str, Any]
    credential: sdjwt.Credential | None
    statements: tuple[chain.Statement, ...] | None
    checkpoint: Checkpoint | None
    tree: Tree | None
    unread: Mapping[str, CheckFailed]
    node: NodeAnswers | None = None
    witnessed_at: int | None = None
    claims: Mapping[str, Any] | None = None
    status_given: bool = False
    """Whether the status is not the bundle's own but one that the verifier brought."""


def open_case(
    bundle: bytes | str | Mapping[str, Any],
    trust: Trust | None,
    *,
    now: datetime,
    fresh_status: Mapping[str, Any] | None,
    node: NodeAnswers | None = None,
) -> Case:
    """Take a bundle apart; `fresh_status` takes the place of its own, `node` is what the verifier's node said."""
    usable = trust if trust and trust.issued_at - CLOCK_SKEW <= now < trust.expires_at else None
    parts = read_bundle(bundle)
    if fresh_status is not None:
        parts = {**parts, "status": fresh(fresh_status)}
    unread: dict[str, CheckFailed] = {}
    credential = _read(lambda: sdjwt.read(parts.get("credential")), "credential", unread)
    statements = _read(lambda: chain.read(parts.get("accreditation")), "accreditation", unread)
    head = None
    with suppress(FormatError):
        head = checkpoint(part_of(parts.get("log"), "checkpoint"))
    log = usable.log(part_of(parts.get("log"), "origin")) if usable else None
    tree = Tree(log.hash if log else sm3, head) if head else None
    given = fresh_status is not None
    return Case(
        usable, int(now.timestamp()), parts, credential, statements, head, tree, unread, node, status_given=given
    )


def fresh(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a fresh status object as strictly read as the bundle's own; one that cannot be read is an empty one."""
    if isinstance(status, FreshStatus):
        return status
    try:
        read = strict_again(status)
    except FormatError:
        return {}
    return read if isinstance(read, dict) else {}


def describe(case: Case) -> dict[str, Any] | None:
    """Describe the credential; names are those that the accreditation registers, never the school's own."""
    credential = case.credential
    if credential is None:
        return None
    named = [statement.names for statement in case.statements or ()]
    issuer = named[0] if named and named[0]["entity_id"] == credential.issuer else {}
    root = [{"entity_id": top.issuer, "name": None, "name_en": None} for top in (case.statements or ())[-1:]]
    code = None
    with suppress(FormatError):
        code = chain.entity(credential.issuer).code
    return {
        "vct": credential.vct,
        "id": credential.identifier,
        "issuer": {
            "code": code,
            "entity_id": credential.issuer,
            "name": issuer.get("name"),
            "name_en": issuer.get("name_en"),
            "chain": [*named[1:], *root],
        },
        "issued_on": iso(credential.issued_at)[:10],
        "claims": dict(case.claims or {}),
    }


def _read(read: Callable[[], Read], name: str, unread: dict[str, CheckFailed]) -> Read | None:
    try:
        return read()
    except CheckFailed as error:
        unread[name] = error
        return None
