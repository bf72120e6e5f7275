"""Status lists on their rhythm, as files and over HTTP; changes of status and who may make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from credentials import revocation, status_list, status_lists, status_publishing, status_store, store
from credentials.errors import CredentialNotFoundError, StatusTransitionError, UnknownReasonError
from credentials.models import StatusSnapshot
from credentials.purge import purge
from credentials.reasons import REASONS, possible_from, reasons_to
from credentials.status_list import SIZE, Status
from crypto.jose import SUITE_ALG, SUITES, peek, verify_jwt
from kernel.audit import AuditEvent
from ledger.formats.commitment import STATUS_LIST, commit
from ledger.models import LogEvidence
from tests.integration.credentials.campus import BASE, HENU, ZZU, Campus, registrar
from tests.integration.credentials.site import make_site

SERVICE = f"{BASE}/authorities/410000/status"


def listed(campus: Campus, index: int, suite: str = "gm") -> int:
    """Read an index from the published file, after checking its signature."""
    token = status_publishing.path_of(campus.by.status_folder, "41", 1, suite).read_text("ascii")
    keys = campus.by.signer.public_keys("status", SERVICE)
    payload = verify_jwt(token, keys, typ="statuslist+jwt", algs=[SUITE_ALG[suite]])
    assert payload["sub"] == f"{BASE}/status/41/1"
    assert payload["iss"] == SERVICE
    assert payload["exp"] - payload["iat"] == 86_400
    assert payload["status_list"]["bits"] == 2
    return status_list.status_at(status_list.decompress(payload["status_list"]["lst"]), index)


def change(campus: Campus, credential: Any, to: Status, reason: str, school: str = ZZU) -> None:
    revocation.change_status(campus.by, credential.id, to=to, reason_code=reason, actor=registrar(school))


def test_both_suites_come_from_one_snapshot(campus: Campus) -> None:
    first, second = campus.issue_to(2)
    change(campus, first, Status.SUSPENDED, "under_review")
    assert listed(campus, first.status_index) == 0  # Not before the rhythm.
    assert status_publishing.run_once(campus.by) == 0
    campus.clock.move(timedelta(seconds=10))
    assert status_publishing.run_once(campus.by) == 1
    for suite in SUITES:
        assert listed(campus, first.status_index, suite) == 2
        assert listed(campus, second.status_index, suite) == 0
    tokens = [status_publishing.path_of(campus.by.status_folder, "41", 1, suite).read_text() for suite in SUITES]
    assert peek(tokens[0])[1] == peek(tokens[1])[1]
    change(campus, first, Status.VALID, "review_closed")
    change(campus, second, Status.REVOKED, "issued_in_error")
    campus.clock.move(timedelta(seconds=10))
    status_publishing.run_once(campus.by)
    assert (listed(campus, first.status_index), listed(campus, second.status_index)) == (0, 1)


def test_an_unchanged_list_is_published_all_the_same_and_logged(campus: Campus) -> None:
    campus.issue_to()
    before = len(evidence(campus))
    for _ in range(3):
        campus.clock.move(timedelta(seconds=10))
        assert status_publishing.run_once(campus.by) == 1
        assert status_publishing.run_once(campus.by) == 0
    found = evidence(campus)
    assert len(found) == before + 3
    for commitment, tokens in found.items():
        if "status_list" in peek(tokens["gm"])[1]:
            assert commit(STATUS_LIST, "0000410000", tokens).hex() == commitment
    with campus.by.database.read() as session:
        (one,) = status_store.all_lists(session)
        newest = status_store.snapshots_of(session, one.id)[0]
    assert newest.commitment.hex() in found


def evidence(campus: Campus) -> dict[str, dict[str, str]]:
    with campus.by.database.read() as session:
        return {row.commitment: row.content for row in session.scalars(select(LogEvidence))}


def test_a_crash_before_the_files_are_written_is_mended(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    change(campus, credential, Status.REVOKED, "issued_in_error")
    campus.clock.move(timedelta(seconds=10))
    with monkeypatch.context() as patch:
        patch.setattr(status_publishing, "_write_files", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            status_publishing.run_once(campus.by)
    assert listed(campus, credential.status_index) == 0
    assert status_publishing.run_once(campus.by) == 0
    assert listed(campus, credential.status_index) == 1
    status_publishing.path_of(campus.by.status_folder, "41", 1, "intl").unlink()
    status_publishing.run_once(campus.by)
    assert listed(campus, credential.status_index, "intl") == 1
    assert not list(campus.by.status_folder.rglob("*.new"))


def test_what_may_change_into_what(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    first, second = campus.issue_to(2)
    with pytest.raises(StatusTransitionError):
        change(campus, first, Status.VALID, "review_closed")
    with pytest.raises(StatusTransitionError):
        change(campus, first, Status.SUPERSEDED, "data_corrected")
    for wrong in ("under_review", "no_such_reason", ""):
        with pytest.raises(UnknownReasonError):
            change(campus, first, Status.REVOKED, wrong)
    change(campus, first, Status.SUSPENDED, "holder_report")
    with pytest.raises(StatusTransitionError):
        change(campus, first, Status.SUSPENDED, "under_review")
    change(campus, first, Status.REVOKED, "issued_in_error")
    for to, reason in ((Status.VALID, "review_closed"), (Status.SUSPENDED, "under_review")):
        with pytest.raises(StatusTransitionError):
            change(campus, first, to, reason)
    for school in (HENU, "3441999001"):
        with pytest.raises(CredentialNotFoundError):
            change(campus, second, Status.REVOKED, "issued_in_error", school)
    with campus.by.database.read() as session:
        assert [statement.reason for statement in store.statements_of(session, first.id)] == [
            "issued_in_error",
            "holder_report",
        ]
        assert store.statements_of(session, second.id) == []
        actions = list(session.scalars(select(AuditEvent.action).where(AuditEvent.subject == str(first.id))))
    assert actions == ["credential.suspended", "credential.revoked"]


def test_who_is_quicker_decides(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    signing = revocation.signed_statement

    def slowly(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(revocation, "signed_statement", signing)
        change(campus, credential, Status.REVOKED, "issued_in_error")
        return signing(*args, **more)

    monkeypatch.setattr(revocation, "signed_statement", slowly)
    with pytest.raises(StatusTransitionError):
        change(campus, credential, Status.SUSPENDED, "under_review")
    with campus.by.database.read() as session:
        assert len(store.statements_of(session, credential.id)) == 1


def test_the_statement_is_signed_and_tells_the_reason(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    change(campus, credential, Status.REVOKED, "issued_in_error")
    with campus.by.database.read() as session:
        current = store.credential(session, credential.id)
    assert current is not None
    statement = campus.bundle(current)["status"]["statement"]
    keys = campus.by.signer.public_keys("status", SERVICE)
    for suite in SUITES:
        payload = verify_jwt(statement[suite], keys, typ="xinji-status-statement+jwt", algs=[SUITE_ALG[suite]])
        assert payload["jti"] == f"urn:uuid:{credential.id}"
        assert (payload["status"], payload["reason"], payload["iss"]) == (1, "issued_in_error", SERVICE)
        assert set(payload) == {"iss", "jti", "status", "reason", "at", "iat"}


def test_a_stale_list_cannot_be_checked(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    bundle = campus.bundle(credential)
    campus.clock.move(timedelta(hours=25))
    report = campus.verify(bundle)
    assert report["verdict"]["code"] == "incomplete"
    campus.publish()
    assert campus.verify(campus.bundle(credential))["verdict"]["code"] == "valid"


def test_a_full_list_gives_way_to_a_new_one(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    (first,) = campus.issue_to()
    monkeypatch.setattr(status_lists, "FULL", 1)
    (second,) = campus.issue_to()
    assert first.status_list_id != second.status_list_id
    campus.publish()
    assert campus.bundle(second)["status"]["uri"] == f"{BASE}/status/41/2"
    assert campus.verify(campus.bundle(second))["verdict"]["code"] == "valid"
    assert status_lists.FULL < SIZE


def test_lists_are_files_that_anybody_may_fetch(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    campus.issue_to()
    client = make_site(campus).client
    plain, gm = client.get("/status/41/1"), client.get("/status/41/1.gm")
    for answer in (plain, gm):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/statuslist+jwt"
        assert answer.headers["cache-control"] == "public, max-age=5"
        assert answer.headers["access-control-allow-origin"] == "*"
    assert peek(plain.text)[0]["alg"] == "ES256"
    assert peek(gm.text)[0]["alg"] == "SGD_SM3_SM2"
    again = client.get("/status/41/1", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    absent = ("41/2", "41/0", "41/01", "61/1", "4x/1")
    outside = ("41/1.gm.new", "41/.1.new", "41/1%2e%2e", "%2e%2e/1", "41/..%2f..%2fkeys")
    for path in (*absent, *outside):
        assert client.get(f"/status/{path}").status_code == 404, path


def test_trust_file_and_issuer_metadata(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    client = make_site(campus).client
    assert client.get("/trust.json").status_code == 404
    metadata = client.get(f"/.well-known/jwt-vc-issuer/schools/{ZZU}").json()
    assert metadata["issuer"] == f"{BASE}/schools/{ZZU}"
    assert [key["crv"] for key in metadata["jwks"]["keys"]] == ["P-256"]
    assert [key["crv"] for key in metadata["gm_jwks"]["keys"]] == ["SM2-P-256"]
    assert not any("d" in key for key in (*metadata["jwks"]["keys"], *metadata["gm_jwks"]["keys"]))
    for code in ("4141010460", "41", "x" * 10, "４１４１０１０４５９"):
        assert client.get(f"/.well-known/jwt-vc-issuer/schools/{code}").status_code == 404


def test_old_snapshots_go_the_list_stays(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    campus.issue_to()
    campus.clock.move(timedelta(days=31))
    campus.publish()
    with campus.by.database.write() as session:
        purge(session, campus.clock.now())
        assert session.scalar(select(func.count()).select_from(StatusSnapshot)) == 1
        assert len(status_store.all_lists(session)) == 1


def test_every_reason_explains_one_possible_change() -> None:
    for reason in REASONS.values():
        assert reason.zh
        assert reason.en
        assert any(reason.to in (*possible_from(current), Status.SUPERSEDED) for current in (0, 2))
    assert possible_from(Status.REVOKED) == possible_from(Status.SUPERSEDED) == []
    assert all(reasons_to(to) for to in Status)
