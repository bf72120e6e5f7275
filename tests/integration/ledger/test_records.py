"""The chain is told what the log says, once and in order, whatever ends in between; a difference is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from crypto.canonical import canonical_json
from crypto.hashes import sha256, sm3
from crypto.jose import SUITE_ALG
from crypto.keyring import CREDENTIAL
from crypto.keyring import STATUS as STATUS_KEYS
from crypto.signing import sign_jwts
from kernel.clock import ManualClock
from kernel.db import Database
from ledger.anchors import transacting, transaction_store
from ledger.anchors.store import Contract
from ledger.anchors.transacting import Transacting
from ledger.anchors.transactions import TransactionState
from ledger.chain.base import CHECKPOINTS, REGISTRY, STATUS, Call, TreeAlg, log_id_of
from ledger.chain.deploying import decide
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import ChainUnavailableError
from ledger.formats.commitment import STATUS_LIST, commit
from ledger.formats.entry import Entry, EntryType
from ledger.records import recording, store
from ledger.records.books import AccreditationBook, StatusBook, key_digest, level_of, list_id
from ledger.records.comparing import Comparing, Difference
from ledger.records.models import LogRecord
from ledger.records.recording import Recording
from ledger.registry.accreditation import Accreditation, Draft, accredit, ensure_authority_keys, ensure_keys
from ledger.registry.entities import parse_entity_id
from ledger.registry.models import LogStatement
from ledger.registry.statement import Limits, Names, authority_claims, school_claims, status_service_claims
from ledger.registry.statement_status import State
from ledger.registry.withdrawal import set_statement_status
from tests.integration.ledger.fake_chain import KilledError
from tests.integration.ledger.world import ORIGIN, World, make_world

BASE = "http://localhost:8000"
PROVINCE, CITY = f"{BASE}/authorities/410000", f"{BASE}/authorities/410100"
SCHOOL, OTHER, SERVICE = f"{BASE}/schools/3141010459", f"{BASE}/schools/3141010460", f"{PROVINCE}/status"
LIST = f"{BASE}/status/41/1"
DIPLOMA = "urn:xinji:credential:diploma:1"
MINUTE = timedelta(minutes=1)


class Interrupted(EmbeddedChain):
    """The embedded chain, dying or unreachable where a test says."""

    dies: set[str]
    offline = False
    sent: list[bytes]

    def send(self, transaction: Any) -> None:
        if self.offline:
            raise ChainUnavailableError("offline")
        self._maybe_die("before send")
        self.sent.append(transaction.tx_hash)
        super().send(transaction)
        self._maybe_die("after send")

    def receipt(self, tx_hash: bytes) -> Any:
        found = super().receipt(tx_hash)
        if found is not None:
            self._maybe_die("after receipt")
        return found

    def _maybe_die(self, where: str) -> None:
        if where in self.dies:
            self.dies.remove(where)
            raise KilledError(where)


@dataclass
class Told:
    """A log, its accreditations, and a chain that is told of them."""

    world: World
    chain: Interrupted
    clock: ManualClock
    registry: Recording
    lists: Recording
    by: Accreditation
    provinces: frozenset[bytes]
    statements: dict[str, LogStatement] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.world.log.database

    def accredit(self, draft: Draft) -> LogStatement:
        self.statements[draft.subject] = accredit(self.database, draft, by=self.by)
        return self.statements[draft.subject]

    def publish(self) -> None:
        while self.world.cycle():
            pass

    def tell(self) -> None:
        """Let both workers go on until nothing is left to do now."""
        while recording.run_once(self.registry) + recording.run_once(self.lists):
            pass

    def rows(self, by: Recording | None = None) -> list[tuple[str, str]]:
        """Return code and state of the records, in the order of their nonces."""
        contract = (by or self.registry).contract
        with self.database.read() as session:
            found: Sequence[LogRecord] = session.query(LogRecord).order_by(LogRecord.nonce, LogRecord.id).all()
            return [(row.code, row.state) for row in found if row.contract == contract.address]

    def trusted(self, code: str) -> bool:
        # Each block is at least a second later than the one before, whatever the clock says.
        now = max(int(self.clock.now().timestamp()), self.chain.ask(REGISTRY, "chainTime") + 1)
        return bool(self.chain.ask(REGISTRY, "isTrustedAt", code.encode(), now))

    def comparing(self) -> Comparing:
        return Comparing(self.database, self.chain, self.provinces)


def told_by(world: World, clock: ManualClock, chain: Interrupted) -> Told:
    signer = world.log.signer
    keys = ensure_authority_keys(signer, PROVINCE)
    digest = key_digest(federation=[key.key_id for key in keys], service=[])
    chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
    chain.admit_province("0000410000", digest)
    machine = Transacting(world.log.database, chain, clock, MINUTE)
    return Told(
        world,
        chain,
        clock,
        Recording(machine, AccreditationBook()),
        Recording(machine, StatusBook()),
        Accreditation(signer, world.writer, clock),
        frozenset({digest}),
    )


@pytest.fixture
def told(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[Told]:
    world = make_world(database, tmp_path, clock)
    chain = Interrupted(tmp_path / "chain", bytes(32), clock=clock)
    chain.dies, chain.sent = set(), []
    yield told_by(world, clock, chain)
    chain.close()
    world.close()


def city(by: Accreditation) -> Draft:
    limits = Limits(("41",), ("31",), (DIPLOMA,))
    claims = authority_claims(names=Names("郑州市教育局"), limits=limits, max_path_length=2)
    return Draft(PROVINCE, CITY, ensure_authority_keys(by.signer, CITY), claims)


def school(by: Accreditation, entity: str = SCHOOL, *, issuer: str = CITY, name: str = "第一小学") -> Draft:
    claims = school_claims(
        names=Names(name),
        school=parse_entity_id(entity),
        credential_types=[DIPLOMA],
        issuing_keys=ensure_keys(by.signer, CREDENTIAL, entity),
    )
    return Draft(issuer, entity, ensure_authority_keys(by.signer, entity), claims)


def service(by: Accreditation) -> Draft:
    keys = ensure_keys(by.signer, STATUS_KEYS, SERVICE)
    claims = status_service_claims(province="41", status_keys=keys)
    return Draft(PROVINCE, SERVICE, ensure_authority_keys(by.signer, SERVICE), claims)


def tree(told: Told) -> None:
    for draft in (service(told.by), city(told.by), school(told.by)):
        told.accredit(draft)


def status_list(told: Told, *, minutes: int = 0) -> bytes:
    """Publish a status list as it is issued `minutes` from now; return its commitment."""
    issued = int((told.clock.now() + timedelta(minutes=minutes)).timestamp())
    claims = {"iss": SERVICE, "sub": LIST, "iat": issued}
    signer = told.by.signer
    tokens = {
        suite: sign_jwts(signer, STATUS_KEYS, SERVICE, alg, [claims], typ="statuslist+jwt")[0]
        for suite, alg in SUITE_ALG.items()
    }
    entry = Entry(EntryType.STATUS_LIST, "0000410000", commit(STATUS_LIST, "0000410000", tokens))
    with told.database.write() as session:
        told.by.log.submit(session, entry, evidence=tokens)
    return entry.commitment


def test_nothing_is_told_before_it_is_published(told: Told) -> None:
    tree(told)
    told.tell()
    assert told.rows() == []
    assert not told.trusted("3141010459")


def test_what_the_log_says_stands_on_the_chain(told: Told) -> None:
    tree(told)
    told.publish()
    told.tell()
    assert told.rows() == [(code, "final") for code in ("S000410000", "0000410100", "3141010459")]
    assert all(told.trusted(code) for code in ("0000410000", "S000410000", "0000410100", "3141010459"))
    statement = told.statements[SCHOOL]
    parent, _, level, status, *_ = told.chain.ask(REGISTRY, "issuerOf", b"3141010459")
    assert (parent, level, status) == (b"0000410100", 5, 1)
    begin, end, _, keys, accreditation = told.chain.ask(REGISTRY, "versionOf", b"3141010459", 1)
    assert accreditation == statement.commitment
    assert keys == key_digest(federation=statement.federation_keys, service=statement.service_keys)
    assert begin >= statement.issued_at.timestamp()
    assert end == statement.expires_at.timestamp()
    assert told.comparing().everything() == []
    assert (recording.run_once(told.registry), recording.run_once(told.lists)) == (0, 0)


def test_new_keys_are_a_renewal(told: Told) -> None:
    tree(told)
    told.publish()
    told.tell()
    told.clock.move(MINUTE)
    before = int(told.clock.now().timestamp())
    told.clock.move(MINUTE)
    told.accredit(school(told.by, name="第一实验小学"))
    told.publish()
    told.tell()
    first, second = (told.chain.ask(REGISTRY, "versionOf", b"3141010459", number) for number in (1, 2))
    assert first[1] == second[0] > before
    assert second[4] == told.statements[SCHOOL].commitment
    assert told.trusted("3141010459")
    assert told.comparing().everything() == []


@pytest.mark.parametrize("state", [State.RETIRED, State.COMPROMISED])
def test_what_was_said_later_ends_trust_on_the_chain_too(told: Told, state: State) -> None:
    tree(told)
    told.publish()
    told.tell()
    told.clock.move(MINUTE)
    set_statement_status(told.database, told.statements[CITY].commitment, state, by=told.by)
    told.publish()
    told.clock.move(MINUTE)
    told.tell()
    assert [told.trusted(code) for code in ("0000410000", "0000410100", "3141010459")] == [True, False, False]
    assert told.rows()[-1] == ("0000410100", "final")
    assert told.comparing().everything() == []


def test_a_statement_and_its_end_in_one_breath(told: Told) -> None:
    """Both wait together: the statement is told first, whatever indices they got."""
    tree(told)
    set_statement_status(told.database, told.statements[SCHOOL].commitment, State.COMPROMISED, by=told.by)
    told.publish()
    told.tell()
    assert told.rows() == [(code, "final") for code in ("S000410000", "0000410100", "3141010459", "3141010459")]
    assert not told.trusted("3141010459")
    assert told.comparing().everything() == []


def test_lists_are_told_in_the_order_of_their_issue(told: Told) -> None:
    tree(told)
    later, first = status_list(told, minutes=9), status_list(told)
    told.publish()
    told.tell()
    place = (b"S000410000", sha256(LIST.encode()))
    assert list_id(LIST) == place[1]
    assert [told.chain.ask(STATUS, "epochOf", *place, each) for each in (first, later)] == [1, 2]
    more = status_list(told, minutes=10)
    told.publish()
    told.tell()
    assert told.chain.ask(STATUS, "latest", *place)[:2] == (more, 3)
    assert told.rows(told.lists) == [("S000410000", "final")] * 3
    assert told.comparing().everything() == []


def test_lists_wait_for_their_service_on_the_chain(told: Told) -> None:
    ensure_keys(told.by.signer, STATUS_KEYS, SERVICE)
    status_list(told)
    told.publish()
    told.tell()
    assert told.rows(told.lists) == []
    tree(told)
    told.publish()
    told.tell()
    assert told.rows(told.lists) == [("S000410000", "final")]


def test_three_writers_have_their_own_nonces(told: Told) -> None:
    tree(told)
    status_list(told)
    told.publish()
    told.tell()
    writers = [told.chain.writer_of(name) for name in (CHECKPOINTS, REGISTRY, STATUS)]
    assert len(set(writers)) == 3
    assert [told.chain.next_nonce(name) for name in (CHECKPOINTS, REGISTRY, STATUS)] == [0, 3, 1]


@pytest.mark.parametrize("where", ["before send", "after send", "after receipt"])
def test_it_goes_on_where_it_was_killed(told: Told, where: str) -> None:
    tree(told)
    told.publish()
    for _ in range(3):
        told.chain.dies = {where}
        with pytest.raises(KilledError):
            told.tell()
    told.tell()
    assert told.rows() == [(code, "final") for code in ("S000410000", "0000410100", "3141010459")]
    assert told.chain.ask(REGISTRY, "journalLength") == 4  # With the province: nothing twice.
    assert told.chain.next_nonce(REGISTRY) == 3


def test_killed_at_every_write(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(told)
    told.publish()
    real = transaction_store.change
    for state in (TransactionState.SENT, TransactionState.MINED, TransactionState.FINAL):

        def die(*args: Any, at_state: TransactionState = state, **values: Any) -> bool:
            if args[2] == at_state:
                raise KilledError
            return real(*args, **values)

        with monkeypatch.context() as patch:
            patch.setattr(transaction_store, "change", die)
            with pytest.raises(KilledError):
                told.tell()
    told.tell()
    assert len(set(told.chain.sent)) == 3
    assert told.chain.ask(REGISTRY, "journalLength") == 4


def test_an_unreachable_chain_loses_nothing(told: Told) -> None:
    tree(told)
    told.publish()
    told.chain.offline = True
    for _ in range(2):
        with pytest.raises(ChainUnavailableError):
            told.tell()
    assert told.rows() == [("S000410000", "prepared")]
    told.chain.offline = False
    told.tell()
    assert len(told.rows()) == 3


def past_the_records(told: Told, account: LocalAccount, function: str, *arguments: Any) -> None:
    """Write to the registry with somebody's key."""
    chain = told.chain

    def write() -> None:
        contracts = chain._contracts
        nonce, data = contracts.nonce_of(account.address), contracts.encode(Call(REGISTRY, function, arguments))
        transaction = contracts._sign(account, contracts.address_of(REGISTRY), data, gas=900_000, nonce=nonce)
        assert chain._deliver(transaction).succeeded

    chain._run(write)


def as_registrar(told: Told, function: str, *arguments: Any) -> None:
    """Write with the province's key."""
    past_the_records(told, told.chain._writer(REGISTRY), function, *arguments)


def test_a_pause_is_waited_for(told: Told) -> None:
    tree(told)
    told.publish()
    past_the_records(told, told.chain._admin, "pause")
    told.tell()
    assert told.rows() == [("S000410000", "failed"), ("0000410100", "failed")]  # The school waits for its city.
    told.clock.move(MINUTE)
    told.tell()
    assert told.rows() == [("S000410000", "failed"), ("0000410100", "failed")]
    with told.database.read() as session:
        contract = told.registry.contract
        assert {row.attempts for row in store.failed(session, contract)} == {1}
    told.chain._run(lambda: decide(told.chain._desk(), told.chain._contracts, Call(REGISTRY, "unpause", ())))
    told.clock.move(8 * MINUTE)
    told.tell()
    assert sorted(told.rows()) == [("0000410100", "final"), ("3141010459", "final"), ("S000410000", "final")]
    assert told.comparing().everything() == []


def test_one_refused_school_does_not_hold_up_the_others(told: Told) -> None:
    tree(told)
    told.publish()
    told.tell()
    far = f"{BASE}/schools/3142010460"  # Of another province: the contract refuses what the log has.
    told.accredit(school(told.by, far))
    told.accredit(school(told.by, OTHER))
    told.publish()
    told.tell()
    assert told.rows()[3:] == [("3142010460", "failed"), ("3141010460", "final")]
    assert told.trusted("3141010460")
    assert not told.trusted("3142010460")


def test_a_nonce_that_somebody_else_took(told: Told) -> None:
    tree(told)
    told.publish()
    told.chain.dies = {"before send"}
    with pytest.raises(KilledError):
        told.tell()
    as_registrar(told, "addIssuer", issuer_of_stranger(told))
    told.tell()
    assert told.rows()[0] == ("S000410000", "failed")
    told.clock.move(MINUTE)
    told.tell()
    assert sorted(state for _, state in told.rows()) == ["final"] * 3


def issuer_of_stranger(told: Told) -> tuple[Any, ...]:
    controller = told.chain.writer_of(REGISTRY)
    return (b"3141010499", b"0000410000", 5, controller, sm3(b"keys"), sm3(b"no entry"), 0, 2**64 - 1)


def test_a_database_from_a_backup_finds_what_was_told(told: Told) -> None:
    tree(told)
    status_list(told)
    told.publish()
    told.tell()
    with told.database.write() as session:
        session.query(LogRecord).delete()
    nonces = [told.chain.next_nonce(REGISTRY), told.chain.next_nonce(STATUS)]
    told = replace(told, lists=Recording(told.lists.transacting, StatusBook()))
    told.tell()
    assert [told.chain.next_nonce(REGISTRY), told.chain.next_nonce(STATUS)] == nonces
    assert sorted(told.rows()) == [("0000410100", "final"), ("3141010459", "final"), ("S000410000", "final")]
    assert told.rows(told.lists) == [("S000410000", "final")]
    told.accredit(school(told.by, OTHER))
    told.publish()
    told.tell()
    assert told.trusted("3141010460")


def test_two_workers_tell_an_entry_once(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    told.accredit(service(told.by))
    told.publish()
    real = transacting.sign

    def meanwhile(*args: Any) -> Any:
        signed = real(*args)
        monkeypatch.undo()
        recording.run_once(told.registry)
        return signed

    monkeypatch.setattr(recording, "sign", meanwhile)
    assert recording.run_once(told.registry) == 0
    assert told.rows() == [("S000410000", "final")]
    assert told.chain.ask(REGISTRY, "journalLength") == 2


def test_what_the_chain_holds_and_the_log_does_not_is_reported(told: Told) -> None:
    tree(told)
    told.publish()
    told.tell()
    as_registrar(told, "addIssuer", issuer_of_stranger(told))
    found = told.comparing().everything()
    assert [(one.difference, one.code, one.commitment) for one in found] == [
        (Difference.UNKNOWN, "3141010499", sm3(b"no entry").hex())
    ]
    assert told.comparing().run_once() == 1


def test_a_chain_that_says_something_else_of_an_entry_is_reported(told: Told) -> None:
    """The registrar's key in other hands: real log entries, with other keys, another school, another deed."""
    tree(told)
    told.accredit(school(told.by, OTHER))
    told.publish()
    statement = told.statements[SCHOOL]
    mine = told.statements[OTHER]
    controller = told.chain.writer_of(REGISTRY)
    end = 2**63
    as_registrar(
        told, "addIssuer", (b"3141010459", b"0000410000", 5, controller, sm3(b"thief"), statement.commitment, 0, end)
    )
    as_registrar(told, "addIssuer", (b"3141010461", b"0000410000", 5, controller, sm3(b"k"), mine.commitment, 0, end))
    as_registrar(told, "suspend", b"3141010459", told.statements[CITY].commitment)
    found = told.comparing().everything()
    assert [(one.difference, one.code) for one in found] == [
        (Difference.OTHER, "3141010459"),
        (Difference.OTHER, "3141010461"),
        (Difference.OTHER, "3141010459"),
    ]


def test_what_was_told_and_is_gone_is_reported(told: Told, tmp_path: Path) -> None:
    tree(told)
    status_list(told)
    told.publish()
    told.tell()
    fresh = Interrupted(tmp_path / "fresh", bytes(31) + b"\x01", clock=told.clock)
    fresh.dies, fresh.sent = set(), []
    other = told_by(told.world, told.clock, fresh)
    with told.database.write() as session:  # As if the chain had been replaced by another at the same place.
        for name in (REGISTRY, STATUS):
            old = Contract(told.chain.chain_id, told.chain.address_of(name))
            for row in store.finals(session, old, after=None):
                row.chain_id, row.contract = fresh.chain_id, fresh.address_of(name)
    found = other.comparing().everything()
    assert {one.difference for one in found} == {Difference.MISSING}
    assert len(found) == 4
    fresh.close()


def test_a_key_digest_follows_from_the_names_of_the_keys() -> None:
    digest = key_digest(federation=["b", "a"], service=["c"])
    assert digest == sm3(canonical_json({"federation": ["a", "b"], "service": ["c"]}))
    assert digest == sm3(b'{"federation":["a","b"],"service":["c"]}')


@pytest.mark.parametrize(
    ("entity", "level"),
    [(PROVINCE, 2), (CITY, 3), (f"{BASE}/authorities/410102", 4), (f"{BASE}/authorities/419001", 4), (SCHOOL, 5)],
)
def test_levels_follow_from_codes(entity: str, level: int) -> None:
    assert level_of(parse_entity_id(entity)) == level
    assert level_of(parse_entity_id(SERVICE)) == 6
