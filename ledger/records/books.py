"""What is told on the chain: which entries, in which order, and the call that each becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy.orm import Session

from crypto.canonical import canonical_json
from crypto.hashes import sha256, sm3
from crypto.jose import peek
from ledger import store as log_store
from ledger.anchors.store import Contract
from ledger.chain.base import REGISTRY, STATUS, Call, Chain, ContractName
from ledger.records import store
from ledger.registry.entities import Entity, Kind, parse_entity_id
from ledger.registry.models import LogStatement, LogStatementStatus
from ledger.registry.statement_status import State

PROVINCE, CITY, COUNTY, SCHOOL, SERVICE = range(2, 7)
"""The registry's levels."""
NOBODY: Final = "0x" + "00" * 20
_WHOLE: Final = "00"


@dataclass(frozen=True, slots=True)
class Item:
    """A log entry that is to be told.

    `needs`: the codes that must be on the chain before. `known`: whether the chain has it
    already. `call`: what tells it, as the chain is now.
    """

    commitment: bytes
    code: str
    needs: frozenset[str]
    ready: Callable[[Chain], bool]
    known: Callable[[Chain], bool]
    call: Callable[[Chain], Call]


class Book(Protocol):
    """The entries that one contract is told."""

    @property
    def contract(self) -> ContractName:
        """The contract."""
        ...

    def pending(self, session: Session, at: Contract) -> Sequence[Item]:
        """Return published entries that have no record yet, in the order in which they are told."""
        ...

    def item(self, session: Session, commitment: bytes) -> Item | None:
        """Return the entry with this commitment, to tell it again."""
        ...


class AccreditationBook:
    """Statements and what was said of them later, for `IssuerRegistry`."""

    contract: Final = REGISTRY

    def pending(self, session: Session, at: Contract) -> Sequence[Item]:
        """Return statements and statuses as they were made: a superior's own statement comes before what it says."""
        statements = [(row.id, _statement(row)) for row in store.unrecorded_statements(session, at)]
        statuses = [(row.id, _status(row, about)) for row, about in store.unrecorded_statuses(session, at)]
        return [item for _, item in sorted([*statements, *statuses], key=lambda pair: pair[0])]

    def item(self, session: Session, commitment: bytes) -> Item | None:
        """Return the statement or status."""
        statement = store.statement_of(session, commitment)
        if statement is not None:
            return _statement(statement)
        found = store.status_of(session, commitment)
        return None if found is None else _status(*found)


class StatusBook:
    """Published status lists, for `StatusAnchor`. Remembers up to where everything is told."""

    contract: Final = STATUS

    def __init__(self) -> None:
        """Look through the whole log once; shards and indices only grow."""
        self._since = (0, 0)

    def pending(self, session: Session, at: Contract) -> Sequence[Item]:
        """Return lists by the time at which they were issued: within a window their indices are shuffled."""
        end = store.published_end(session)
        entries = store.unrecorded_lists(session, at, since=self._since)
        # Whatever has no record comes again; before it, all have theirs.
        self._since = min([end, *(entry[:2] for entry in entries)])
        found = [(self._parse(session, entry.commitment), entry[:2]) for entry in entries]
        items = [(issued_at, place, item) for (issued_at, item), place in found if item is not None]
        return [item for _, _, item in sorted(items, key=lambda each: each[:2])]

    def item(self, session: Session, commitment: bytes) -> Item | None:
        """Return the list."""
        return self._parse(session, commitment)[1]

    def _parse(self, session: Session, commitment: bytes) -> tuple[int, Item | None]:
        evidence = log_store.evidence(session, commitment)
        if not evidence:  # The monitors' alarm, not this one's.
            return 0, None
        payload = peek(next(iter(evidence.values())))[1]
        service = chain_code(parse_entity_id(payload["iss"]))
        return int(payload["iat"]), _list(commitment, service, list_id(payload["sub"]))


def list_id(subject: str) -> bytes:
    """Return the contract's identifier of a status list: SHA-256 of its `sub`."""
    return sha256(subject.encode())


def chain_code(entity: Entity) -> str:
    """Return the registry's code of an entity: that of its log entries, with an S first for a status service."""
    return f"S{entity.log_code[1:]}" if entity.kind is Kind.STATUS else entity.log_code


def level_of(entity: Entity) -> int:
    """Return the registry's level of an entity: an authority's follows from its code (GB/T 2260)."""
    if entity.kind is not Kind.AUTHORITY:
        return SCHOOL if entity.kind is Kind.SCHOOL else SERVICE
    if entity.code[2:] == _WHOLE * 2:
        return PROVINCE
    return CITY if entity.code[4:] == _WHOLE else COUNTY


def key_digest(*, federation: Sequence[str], service: Sequence[str]) -> bytes:
    """Return the digest of an issuer's keys: SM3 over canonical JSON of their names (RFC 7638), sorted."""
    return sm3(canonical_json({"federation": sorted(federation), "service": sorted(service)}))


def _statement(row: LogStatement) -> Item:
    subject, issuer = parse_entity_id(row.subject), parse_entity_id(row.issuer)
    code, parent = chain_code(subject), chain_code(issuer)
    keys = key_digest(federation=row.federation_keys, service=row.service_keys)
    begin, end = int(row.issued_at.timestamp()), int(row.expires_at.timestamp())
    level = level_of(subject)

    def call(chain: Chain) -> Call:
        if chain.ask(REGISTRY, "controllerOf", code.encode()) != NOBODY:
            return Call(REGISTRY, "renew", (code.encode(), keys, row.commitment, begin, end))
        # Until an authority takes its node into its own hands, this installation acts for it.
        controller = chain.writer_of(STATUS if level == SERVICE else REGISTRY)
        issuer_ = (code.encode(), parent.encode(), level, controller, keys, row.commitment, begin, end)
        return Call(REGISTRY, "addIssuer", (issuer_,))

    return Item(
        row.commitment,
        code,
        frozenset({parent}),
        ready=lambda chain: _exists(chain, parent),
        known=lambda chain: _in_journal(chain, row.commitment),
        call=call,
    )


def _status(row: LogStatementStatus, about: LogStatement) -> Item:
    code = chain_code(parse_entity_id(about.subject))
    function = "compromise" if row.state == State.COMPROMISED else "retire"
    arguments = (code.encode(), about.commitment, int(row.since.timestamp()), row.commitment)
    return Item(
        row.commitment,
        code,
        frozenset(),
        ready=lambda chain: _in_journal(chain, about.commitment),
        known=lambda chain: _in_journal(chain, row.commitment),
        call=lambda _: Call(REGISTRY, function, arguments),
    )


def _list(commitment: bytes, service: str, identifier: bytes) -> Item:
    place = (service.encode(), identifier)

    def call(chain: Chain) -> Call:
        epoch = chain.ask(STATUS, "latest", *place)[1] + 1
        return Call(STATUS, "publish", (*place, epoch, commitment))

    return Item(
        commitment,
        service,
        frozenset(),
        ready=lambda chain: _exists(chain, service),
        known=lambda chain: chain.ask(STATUS, "epochOf", *place, commitment) != 0,
        call=call,
    )


def _exists(chain: Chain, code: str) -> bool:
    return bool(chain.ask(REGISTRY, "controllerOf", code.encode()) != NOBODY)


def _in_journal(chain: Chain, commitment: bytes) -> bool:
    return bool(chain.ask(REGISTRY, "placeOf", commitment))
