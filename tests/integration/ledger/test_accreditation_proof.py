"""What the server exports of an accreditation, checked by the client that shares no code with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from kernel.clock import ManualClock
from ledger.log import verifier_keys
from ledger.registry.accreditation import Accreditation, accredit, ensure_authority_keys
from ledger.registry.statement_status import State
from ledger.registry.withdrawal import set_statement_status
from tests.integration.ledger.test_explorer import DIPLOMA, PROVINCE, draft
from tests.integration.ledger.test_routes import app_of
from tests.integration.ledger.world import CODE, World
from xinji_client.accreditation import Question, check_accreditation
from xinji_client.hashes import HASHES
from xinji_client.keys import keys
from xinji_client.note import vkey
from xinji_client.trust import Log, Root, Trust


@pytest.fixture
def client(sqlite_world: World) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_world)) as client:
        yield client


@pytest.fixture
def by(sqlite_world: World, clock: ManualClock) -> Accreditation:
    return Accreditation(sqlite_world.log.signer, sqlite_world.writer, clock)


def trust_of(world: World, now: datetime) -> Trust:
    """The client's trust in this log, this province and these witnesses, without the file."""
    public = ensure_authority_keys(world.log.signer, PROVINCE)
    log_keys = tuple(vkey(str(key)) for key in verifier_keys(world.log.signer, world.log.origin))
    witnesses = {one.name: tuple(vkey(str(key)) for key in one.keys) for one in world.log.policy.organisations}
    return Trust(
        version=1,
        issued_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=4000),
        threshold=1,
        roots=(Root(PROVINCE, ("41",), keys({"keys": [dict(key.jwk) for key in public]})),),
        logs=(Log(world.log.origin, HASHES["sm3"], log_keys),),
        quorum=1,
        witnesses=witnesses,
        chains=(),
        verifier_host="localhost",
        raw=b"",
    )


def test_the_export_answers_for_its_time_its_type_and_its_key(
    sqlite_world: World, client: TestClient, by: Accreditation, clock: ManualClock
) -> None:
    address = f"/ledger/issuers/{CODE}/proof"
    assert client.get(address).status_code == 404
    row = accredit(sqlite_world.log.database, draft(by.signer), by=by)
    assert client.get(address).status_code == 404, "it is not published yet"
    clock.move(timedelta(minutes=5))
    sqlite_world.cycle()
    published = clock.now()
    sqlite_world.submit(range(20))
    clock.move(timedelta(days=10))
    sqlite_world.cycle()
    answer = client.get(address)
    assert answer.headers["content-disposition"] == f'attachment; filename="{CODE}.accreditation.json"'
    trust = trust_of(sqlite_world, clock.now())

    def ask(at: datetime, proof: Any = None, **more: Any) -> str:
        question = Question(CODE, at, **({"credential_type": DIPLOMA, "key": row.service_keys[0]} | more))
        report = check_accreditation(proof or answer.content, trust, question, now=clock.now())
        return str(report["steps"][3]["code"])

    assert ask(clock.now()) == ask(published) == "answer_yes"
    assert ask(published - timedelta(seconds=1)) == "answer_not_public"
    assert ask(clock.now(), credential_type="urn:x") == "answer_type"
    assert ask(clock.now(), key="x") == "answer_key"

    lost = clock.now() - timedelta(days=3)
    set_statement_status(sqlite_world.log.database, row.commitment, State.COMPROMISED, since=lost, by=by)
    later = client.get(address).json()
    assert ask(lost - timedelta(seconds=1), later) == "answer_yes"
    assert ask(lost, later) == ask(clock.now(), later) == "answer_compromised"
    assert ask(lost, later, key=None) == "answer_compromised"


def test_the_statement_of_then_is_exported_for_then(
    sqlite_world: World, client: TestClient, by: Accreditation, clock: ManualClock
) -> None:
    accredit(sqlite_world.log.database, draft(by.signer, "旧名"), by=by)
    sqlite_world.cycle()
    then = clock.now()
    clock.move(timedelta(days=30))
    renamed = accredit(sqlite_world.log.database, draft(by.signer, "新名"), by=by)
    sqlite_world.cycle()
    address = f"/ledger/issuers/{CODE}/proof"
    old = client.get(address, params={"at": then.isoformat()}).json()
    new = client.get(address).json()
    assert old["statements"][0]["gm"] != new["statements"][0]["gm"] == renamed.tokens["gm"]
    assert client.get(address, params={"key": renamed.service_keys[0]}).json() == new
    for wrong in ({"key": "x"}, {"at": "never"}, {"at": "2026-06-30T00:00:00"}):
        assert client.get(address, params=wrong).status_code in {404, 422}
    assert client.get("/ledger/issuers/x/proof").status_code == 404
    assert client.get("/ledger/issuers/410000/proof").status_code == 404


def test_far_times_are_answered(client: TestClient) -> None:
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        assert client.get(f"/ledger/issuers/{CODE}/proof", params={"at": at.isoformat()}).status_code == 404
