"""From a file of graduates to diplomas that somebody else's software verifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from credentials import (
    accreditation,
    batch_store,
    checking,
    dry_run,
    issuance,
    issuer_setup,
    issuing,
    status_lists,
    store,
)
from credentials.errors import (
    AccreditationUnpublishedError,
    BatchNotFoundError,
    BatchStateError,
    IssuerNotAllowedError,
    NotAccreditedError,
    NothingToIssueError,
    SignatureSampleError,
    WrongRowsLeftError,
)
from credentials.models import Batch, BatchRow, Credential
from credentials.purge import purge
from credentials.sampling import Sampler
from credentials.signing import sign_documents
from crypto.errors import SignerUnavailableError
from crypto.jose import SGD_SM3_SM2, SUITES, peek
from crypto.keys import ES256
from ledger.models import LogEntry, LogQueue
from tests.integration.credentials.campus import (
    DIPLOMA,
    HEADINGS,
    HENU,
    SCHOOLS,
    ZZU,
    Campus,
    make_campus,
    registrar,
    row,
    table,
)


def batch_of(campus: Campus, batch_id: UUID) -> Batch:
    with campus.by.database.read() as session:
        batch = batch_store.batch(session, batch_id)
    assert batch is not None
    return batch


def approve(campus: Campus, content: bytes) -> UUID:
    actor = registrar()
    batch_id = campus.check(content, actor=actor)
    issuance.approve_batch(campus.by, batch_id, actor=actor, leave_out_wrong=True)
    return batch_id


def finish(campus: Campus) -> None:
    while issuing.run_once(campus.by):
        pass


def test_a_file_becomes_diplomas_that_verify(campus: Campus) -> None:
    people = campus.roster.enrol(ZZU, 120)
    batch_id = campus.issue(table(people))
    campus.publish()
    batch = batch_of(campus, batch_id)
    assert (batch.state, batch.good, batch.issued, batch.clashed) == ("done", 120, 120, 0)
    for person in (people[0], people[119]):
        (credential,) = campus.of(person.person_id)
        report = campus.verify(campus.bundle(credential))
        assert report["verdict"]["code"] == "valid", report
        assert report["credential"]["claims"]["name"] == person.name
    with campus.by.database.read() as session:
        indices = list(session.scalars(select(Credential.status_index).order_by(Credential.row)))
        staged = session.scalar(select(func.count()).select_from(BatchRow).where(BatchRow.sealed.is_not(None)))
    assert len(set(indices)) == 120
    assert indices != sorted(indices)
    assert staged == 0  # Once issued, claims lie under the holder's key only.


def test_only_digests_leave_the_vault(sqlite_campus: Campus) -> None:
    """No personal value in tokens, rows, log entries, evidence or audit events."""
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    person = campus.roster.person(credential.person_id)
    assert person is not None
    path = campus.folder / "campus.sqlite3"
    raw = path.read_bytes() + (campus.folder / "campus.sqlite3-wal").read_bytes()
    for value in (person.name, person.student_no, person.eid, "计算机科学与技术", "104591202605000001", "2004-02-29"):
        assert value.encode() not in raw, value
    for file in (campus.folder / "data").rglob("*"):
        if file.is_file():
            assert person.name.encode() not in file.read_bytes()


def test_a_row_of_each_kind_is_told_apart(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 6)
    campus.issue(table(people[:1]))
    rows = [
        row(people[0], 1),  # same as issued before
        row(people[0], 2),  # a second diploma of the level
        row(people[1], 1),  # somebody else's number
        row(people[2], 3),
        row(people[2], 4),  # the same student again
        row(people[3], 3),  # the same number again
        row(people[4], 5),
    ]
    batch_id = campus.check("\n".join([HEADINGS, *rows]).encode())
    batch = batch_of(campus, batch_id)
    assert (batch.good, batch.wrong, batch.same) == (2, 4, 1)
    with campus.by.database.read() as session:
        wrong = dry_run.wrong_rows(session, batch, by=campus.by)
    assert [(one.row, [(p.column, p.code) for p in one.problems]) for one in wrong] == [
        (3, [("student_no", "repeated"), ("student_no", "already_awarded")]),
        (4, [("certificate_number", "repeated"), ("certificate_number", "number_taken")]),
        (6, [("student_no", "repeated")]),
        (7, [("certificate_number", "repeated")]),
    ]


def test_an_import_is_no_oracle_about_other_schools(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (theirs,) = campus.roster.enrol(HENU, 1)
    batch_id = campus.check("\n".join([HEADINGS, row(theirs, 1)]).encode())
    with campus.by.database.read() as session:
        (wrong,) = dry_run.wrong_rows(session, batch_of(campus, batch_id), by=campus.by)
    assert [problem.code for problem in wrong.problems] == ["student_unknown"]
    assert {code for code, _ in campus.roster.asked} == {ZZU}


def test_a_number_may_be_used_by_two_schools(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    ours, theirs = campus.roster.enrol(ZZU, 1), campus.roster.enrol(HENU, 1)
    campus.issue(table(ours))
    campus.issue(table(theirs, HENU), actor=registrar(HENU))
    assert len(campus.of(theirs[0].person_id)) == 1


def test_what_cannot_be_approved(sqlite_campus: Campus) -> None:
    campus, actor = sqlite_campus, registrar()
    people = campus.roster.enrol(ZZU, 2)
    mixed = campus.check("\n".join([HEADINGS, row(people[0], 1), row(people[1], 2, 学制="x")]).encode(), actor=actor)
    with pytest.raises(WrongRowsLeftError):
        issuance.approve_batch(campus.by, mixed, actor=actor, leave_out_wrong=False)
    bad = campus.check("\n".join([HEADINGS, row(people[1], 2, 学制="x")]).encode(), actor=actor)
    with pytest.raises(NothingToIssueError):
        issuance.approve_batch(campus.by, bad, actor=actor, leave_out_wrong=True)
    for stranger in (registrar(HENU), registrar("3441999001")):
        with pytest.raises(BatchNotFoundError):
            issuance.approve_batch(campus.by, mixed, actor=stranger, leave_out_wrong=True)
        with pytest.raises(BatchNotFoundError):
            issuance.discard_batch(campus.by, mixed, actor=stranger)
    issuance.approve_batch(campus.by, mixed, actor=actor, leave_out_wrong=True)
    with pytest.raises(BatchStateError):
        issuance.discard_batch(campus.by, mixed, actor=actor)
    issuance.discard_batch(campus.by, bad, actor=actor)
    with pytest.raises(BatchNotFoundError):
        issuance.approve_batch(campus.by, bad, actor=actor, leave_out_wrong=True)


def test_without_published_accreditation_nobody_issues(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    stranger = replace(SCHOOLS[ZZU], code="4141010460")
    with pytest.raises(NotAccreditedError):
        accreditation.require_accreditation(campus.by, stranger, vct=DIPLOMA, suites=SUITES)
    # Keys alone accredit nobody.
    issuer_setup.ensure_issuer_keys(campus.by.signer, campus.by.addresses, stranger.code)
    with pytest.raises(NotAccreditedError):
        accreditation.require_accreditation(campus.by, stranger, vct=DIPLOMA, suites=SUITES)
    with pytest.raises(IssuerNotAllowedError):
        accreditation.require_accreditation(campus.by, SCHOOLS[ZZU], vct="urn:xinji:credential:degree:1", suites=SUITES)
    campus.clock.move(timedelta(days=4 * 365))
    with pytest.raises(NotAccreditedError):
        accreditation.require_accreditation(campus.by, SCHOOLS[ZZU], vct=DIPLOMA, suites=SUITES)


def test_an_accreditation_that_only_waits_for_the_log_is_waited_for(
    sqlite_campus: Campus, tmp_path: Any, sqlite_database: Any
) -> None:
    fresh = make_campus(sqlite_database, tmp_path / "fresh", sqlite_campus.clock, publish=False)
    with pytest.raises(AccreditationUnpublishedError):
        accreditation.require_accreditation(fresh.by, SCHOOLS[ZZU], vct=DIPLOMA, suites=SUITES)
    fresh.publish()
    accreditation.require_accreditation(fresh.by, SCHOOLS[ZZU], vct=DIPLOMA, suites=SUITES)
    fresh.close()


def test_a_school_may_issue_one_suite_only(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    issuer_setup.set_policy(campus.by, ZZU, ["intl"], actor=None)
    assert issuer_setup.policy(campus.by, ZZU) == ("intl",)
    assert issuer_setup.policy(campus.by, HENU) == SUITES
    (credential,) = campus.issue_to()
    assert credential.gm is None
    bundle = campus.bundle(credential)
    assert "gm" not in bundle["credential"]
    assert campus.verify(bundle)["verdict"]["code"] == "valid"
    with pytest.raises(ValueError, match="at least one"):
        issuer_setup.set_policy(campus.by, ZZU, ["rsa"], actor=None)


def test_the_payloads_say_what_the_profile_says(sqlite_campus: Campus) -> None:
    (credential,) = sqlite_campus.issue_to()
    for suite, alg in (("gm", SGD_SM3_SM2), ("intl", ES256)):
        header, payload = peek(getattr(credential, suite))
        assert header["typ"] == "dc+sd-jwt"
        assert header["alg"] == alg
        assert payload["iss"] == f"http://localhost:8000/schools/{ZZU}"
        assert payload["jti"] == f"urn:uuid:{credential.id}"
        assert payload["iat"] % 86_400 == 0
        assert payload["vct"] == DIPLOMA
        assert len(payload["_sd"]) == 24
        status = payload["status"]["status_list"]
        assert status == {"idx": credential.status_index, "uri": "http://localhost:8000/status/41/1"}


def test_a_restarted_signer_is_shown_the_approval_again(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    monkeypatch.setattr(issuing, "CHUNKS", 1)
    people = campus.roster.enrol(ZZU, 150)
    approve(campus, table(people))
    assert issuing.run_once(campus.by) == 100
    fresh = type(campus.by.signer)(campus.by.signer._keyring, bytes(32))  # type: ignore[attr-defined,call-arg]  # its memory is what a restart loses
    again = Campus(replace(campus.by, signer=fresh), campus.roster, campus.world, campus.clock, campus.folder)
    finish(again)
    assert [len(campus.of(person.person_id)) for person in people] == [1] * 150


def test_an_approval_that_has_expired_goes_back_to_the_registrar(
    sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus, actor = sqlite_campus, registrar()
    monkeypatch.setattr(issuing, "CHUNKS", 1)
    people = campus.roster.enrol(ZZU, 150)
    batch_id = campus.check(table(people), actor=actor)
    issuance.approve_batch(campus.by, batch_id, actor=actor, leave_out_wrong=False)
    assert issuing.run_once(campus.by) == 100
    campus.clock.move(timedelta(hours=25))
    finish(campus)
    batch = batch_of(campus, batch_id)
    assert (batch.state, batch.trouble, batch.issued) == ("checked", "batch_expired", 100)
    with pytest.raises(BatchStateError):
        issuance.discard_batch(campus.by, batch_id, actor=actor)
    issuance.approve_batch(campus.by, batch_id, actor=actor, leave_out_wrong=False)
    finish(campus)
    assert (batch_of(campus, batch_id).issued, batch_of(campus, batch_id).trouble) == (150, None)


def test_a_forged_approval_issues_nothing(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    forging = Campus(
        replace(campus.by, approval_key=b"x" * 32), campus.roster, campus.world, campus.clock, campus.folder
    )
    people = campus.roster.enrol(ZZU, 2)
    batch_id = approve(forging, table(people))
    finish(campus)
    assert batch_of(campus, batch_id).trouble == "approval_forged"
    assert campus.of(people[0].person_id) == []


class LyingSigner:
    """A signer whose SM2 answers are wrong from the n-th on."""

    def __init__(self, inner: Any, wrong: int) -> None:
        self.inner, self.wrong = inner, wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def sign_many(
        self, purpose: str, owner: str, alg: str, messages: Sequence[bytes], **more: Any
    ) -> tuple[bytes, ...]:
        answers = list(self.inner.sign_many(purpose, owner, alg, messages, **more))
        if alg == SGD_SM3_SM2:
            answers[self.wrong :] = [answers[0] if at else answers[-1] for at in range(len(answers) - self.wrong)]
        return tuple(answers)


def test_a_wrong_signature_stops_the_batch(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 3)
    by = replace(campus.by, signer=LyingSigner(campus.by.signer, 0), sampler=Sampler())
    batch_id = approve(campus, table(people))
    with pytest.raises(SignatureSampleError):
        issuing.run_once(by)
    assert batch_of(campus, batch_id).trouble == "signature_sample"
    assert campus.of(people[0].person_id) == []


def test_one_answer_in_a_hundred_is_looked_at(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 3)
    asked: list[int] = []

    def below(limit: int) -> int:
        asked.append(limit)
        return 0 if len(asked) == 2 else 1

    by = replace(campus.by, signer=LyingSigner(campus.by.signer, 1), sampler=Sampler(below=below))
    approve(campus, table(people))
    with pytest.raises(SignatureSampleError):
        issuing.run_once(by)
    assert set(asked) == {100}
    assert by.sampler.engine == "gmssl-pyx"


class AbsentSigner:
    """A signer that does not answer."""

    def __getattr__(self, name: str) -> Any:
        raise SignerUnavailableError("nobody there")


def test_a_signer_that_is_away_is_asked_again(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 2)
    batch_id = approve(campus, table(people))
    with pytest.raises(SignerUnavailableError):
        issuing.run_once(replace(campus.by, signer=AbsentSigner()))
    assert batch_of(campus, batch_id).state == "approved"
    finish(campus)
    assert batch_of(campus, batch_id).issued == 2


def test_two_workers_at_once_issue_once(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 60)
    batch_id = approve(campus, table(people))
    signing = sign_documents

    def slowly(*args: Any, **more: Any) -> Any:
        tokens = signing(*args, **more)
        monkeypatch.setattr(issuing, "sign_documents", signing)
        finish(campus)  # While these are signed, another worker does everything.
        return tokens

    monkeypatch.setattr(issuing, "sign_documents", slowly)
    assert issuing.run_once(campus.by) == 0
    finish(campus)
    assert [len(campus.of(person.person_id)) for person in people] == [1] * 60
    batch = batch_of(campus, batch_id)
    assert (batch.issued, batch.clashed, batch.state) == (60, 0, "done")
    with campus.by.database.read() as session:
        logged = [session.scalar(select(func.count()).select_from(one)) for one in (LogQueue, LogEntry)]
    assert sum(filter(None, logged)) == 60 + 3  # Three statements were logged before.


def test_a_status_index_that_is_taken_meanwhile_is_drawn_again(
    sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus = sqlite_campus
    (first,) = campus.issue_to()
    people = campus.roster.enrol(ZZU, 3, first=10)
    approve(campus, table(people, first=10))
    allocate = status_lists.allocate

    def unlucky(by: Any, province: str, count: int) -> Any:
        status_list, indices = allocate(by, province, count)
        monkeypatch.setattr(status_lists, "allocate", allocate)
        return status_list, [first.status_index, *indices[1:]]

    monkeypatch.setattr(status_lists, "allocate", unlucky)
    assert issuing.run_once(campus.by) == 2
    finish(campus)
    indices = [campus.of(person.person_id)[0].status_index for person in people]
    assert len({first.status_index, *indices}) == 4


def test_a_dry_run_cut_short_leaves_nothing(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus, actor = sqlite_campus, registrar()
    people = campus.roster.enrol(ZZU, 400)
    calls = []

    def dies(*args: Any) -> Any:
        calls.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(campus.roster, "graduates", dies)
    with pytest.raises(KeyboardInterrupt):
        campus.check(table(people), actor=actor)
    with campus.by.database.read() as session:
        assert batch_store.batches_of_school(session, ZZU) == []
    assert checking.run_once(campus.by) == 0
    campus.clock.move(timedelta(hours=1))
    assert checking.run_once(campus.by) == 1
    assert checking.run_once(campus.by) == 0
    campus.clock.move(timedelta(days=8))
    with campus.by.database.write() as session:
        purge(session, campus.clock.now())
        assert session.scalar(select(func.count()).select_from(Batch)) == 0


def test_old_batches_go_and_credentials_stay(campus: Campus) -> None:
    people = campus.roster.enrol(ZZU, 3)
    rows = [*(row(person, number) for number, person in enumerate(people[:2], 1)), row(people[2], 3, 学制="x")]
    approve(campus, "\n".join([HEADINGS, *rows]).encode())
    finish(campus)
    for days, left in ((1, 3), (31, 2), (400, 0)):
        campus.clock.move(timedelta(days=days))
        with campus.by.database.write() as session:
            purge(session, campus.clock.now())
        with campus.by.database.read() as session:
            assert session.scalar(select(func.count()).select_from(BatchRow)) == left
    assert [len(campus.of(person.person_id)) for person in people] == [1, 1, 0]


def test_an_erased_holder_leaves_nothing_to_read(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    with campus.by.database.write() as session:
        store.erase_holder(session, credential.person_id)
    with pytest.raises(Exception, match="erased"):
        campus.bundle(credential)
