from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from credentials import status_rotation
from crypto.keyring import KeyRing
from crypto.signing import LocalSigner
from idp.directory.registration import register_school
from kernel.clock import ManualClock
from ledger.registry import store
from ledger.registry.statement_status import State
from ledger.registry.withdrawal import set_statement_status
from server import accrediting, setup
from server.parts import Parts
from server.settings import Installation, Settings


@pytest.fixture
def parts(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Parts:
    settings = Settings(data_dir=tmp_path / "data")
    ring = KeyRing(tmp_path / "ring", b"k" * 32, clock)
    signer = LocalSigner(ring, b"a" * 32)
    monkeypatch.setattr("server.parts.SignerClient", lambda _path: signer)
    monkeypatch.setattr("server.parts.SystemClock", lambda: clock)
    setup.prepare(settings, Installation(base_url="http://localhost:8000"))
    parts = setup.found(settings)
    with parts.database.write() as session:
        for code, name in (("4141010459", "郑州大学"), ("3441999001", "示范高中")):
            register_school(
                session,
                code=code,
                name=name,
                name_en="",
                superior="410000",
                officer_of=None,
                actor=None,
                now=clock.now(),
            )
    return parts


def test_what_may_issue_is_accredited_once(parts: Parts) -> None:
    assert accrediting.run_once(parts) == 2  # The status service and the university; no type fits the high school.
    assert accrediting.run_once(parts) == 0
    with parts.database.read() as session:
        assert store.current_of(session, "http://localhost:8000/schools/4141010459") is not None
        assert store.current_of(session, "http://localhost:8000/schools/3441999001") is None


def test_announced_keys_of_the_status_service_are_accredited_beside_those_that_sign(
    parts: Parts, tmp_path: Path, clock: ManualClock
) -> None:
    accrediting.run_once(parts)
    clock.move(timedelta(hours=1))
    ring = KeyRing(tmp_path / "ring", b"k" * 32, clock)
    assert status_rotation.rotate(parts.credentials, ring) is status_rotation.Stage.ANNOUNCED
    assert accrediting.run_once(parts) == 1
    assert accrediting.run_once(parts) == 0
    service = parts.installation.status_id
    with parts.database.read() as session:
        statement = store.current_of(session, service)
    assert statement is not None
    published = {key.key_id for key in ring.public_keys("status", service)}
    assert len(published) == 4
    assert set(statement.service_keys) == published
    assert status_rotation.rotate(parts.credentials, ring, at_once=True) is status_rotation.Stage.ROTATED
    assert accrediting.run_once(parts) == 1  # The old keys are named no more.


@pytest.mark.parametrize("state", [State.RETIRED, State.COMPROMISED])
def test_what_was_withdrawn_is_not_accredited_again_by_itself(parts: Parts, state: State) -> None:
    accrediting.run_once(parts)
    with parts.database.read() as session:
        statement = store.current_of(session, "http://localhost:8000/schools/4141010459")
    assert statement is not None
    now = parts.clock.now()
    set_statement_status(parts.database, statement.commitment, state, since=now, by=parts.accreditation)
    assert accrediting.run_once(parts) == 0
