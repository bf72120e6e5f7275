"""A correction is a new credential that supersedes the old one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from credentials import batch_store, correction, store
from credentials.errors import (
    CredentialNotFoundError,
    InvalidCorrectionError,
    NothingToCorrectError,
    StatusTransitionError,
)
from credentials.models import Credential
from credentials.signing import sign_documents
from tests.integration.credentials.campus import HENU, ZZU, Campus, holder, registrar, table
from tests.integration.credentials.site import make_site


def rename(campus: Campus, credential: Credential, name: str) -> None:
    own = campus.roster.people[ZZU]
    number = next(number for number, person in own.items() if person.person_id == credential.person_id)
    own[number] = replace(own[number], name=name)


def current(campus: Campus, credential: Credential) -> Credential:
    with campus.by.database.read() as session:
        found = store.credential(session, credential.id)
    assert found is not None
    return found


def test_a_misspelt_name_is_corrected(campus: Campus) -> None:
    (old,) = campus.issue_to()
    rename(campus, old, "陈𠮷瑞")
    fresh_id = correction.correct(campus.by, old.id, {"major": "软件工程"}, actor=registrar())
    campus.clock.move(timedelta(seconds=10))
    campus.publish()
    superseded = current(campus, old)
    assert (superseded.status, superseded.superseded_by) == (3, fresh_id)
    report = campus.verify(campus.bundle(superseded))
    assert report["verdict"]["code"] == "superseded"
    with campus.by.database.read() as session:
        fresh = store.credential(session, fresh_id)
    assert fresh is not None
    report = campus.verify(campus.bundle(fresh))
    assert report["verdict"]["code"] == "valid"
    claims = report["credential"]["claims"]
    assert (claims["name"], claims["major"]) == ("陈𠮷瑞", "软件工程")
    assert claims["certificate_number"] == "104591202605000001"
    assert fresh.status_index != old.status_index
    # The number is still taken, by the new one.
    batch_id = campus.check(table([campus.roster.people[ZZU]["202200001"]]))
    with campus.by.database.read() as session:
        batch = batch_store.batch(session, batch_id)
    assert batch is not None
    assert (batch.same, batch.good, batch.wrong) == (1, 0, 0)


def test_what_cannot_be_corrected(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (old,) = campus.issue_to()
    with pytest.raises(NothingToCorrectError):
        correction.correct(campus.by, old.id, {}, actor=registrar())
    with pytest.raises(NothingToCorrectError):
        correction.correct(campus.by, old.id, {"certificate_number": "1", "name": "x"}, actor=registrar())
    with pytest.raises(CredentialNotFoundError):
        correction.correct(campus.by, old.id, {"major": "法学"}, actor=registrar(HENU))
    with pytest.raises(InvalidCorrectionError) as caught:
        correction.correct(campus.by, old.id, {"study_length": "x", "level": "硕士"}, actor=registrar())
    assert [(problem.column, problem.code) for problem in caught.value.problems] == [  # type: ignore[attr-defined]  # they are Problems
        ("study_length", "not_years"),
        ("certificate_number", "number_level"),
    ]
    correction.correct(campus.by, old.id, {"major": "法学"}, actor=registrar())
    with pytest.raises(StatusTransitionError):
        correction.correct(campus.by, old.id, {"major": "哲学"}, actor=registrar())


def test_two_corrections_at_once_make_one(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    (old,) = campus.issue_to()
    signing = sign_documents

    def slowly(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(correction, "sign_documents", signing)
        correction.correct(campus.by, old.id, {"major": "法学"}, actor=registrar())
        return signing(*args, **more)

    monkeypatch.setattr(correction, "sign_documents", slowly)
    with pytest.raises(StatusTransitionError):
        correction.correct(campus.by, old.id, {"major": "哲学"}, actor=registrar())
    assert len(campus.of(old.person_id)) == 2


def test_the_page_corrects_and_names_what_is_wrong(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (old,) = campus.issue_to()
    site = make_site(campus)
    site.actor = registrar(ZZU, campus.clock)
    place = f"/registrar/credentials/{old.id}"
    status, text, _ = site.post(f"{place}/correct", {"major": "法学", "study_length": "x"}, on=place)
    assert status == 422
    assert "学制：应为年数" in text
    assert 'value="法学"' in text
    assert site.post(f"{place}/correct", on=place)[0] == 409
    status, _, fresh = site.post(f"{place}/correct", {"major": "法学"}, on=place)
    assert status == 303
    assert "法学" in site.get(fresh)
    assert "correct-form" not in site.get(place)
    person = campus.roster.person(old.person_id)
    assert person is not None
    site.actor = holder(person, campus.clock)
    page = site.get(f"/credentials/{old.id}")
    assert "这份凭证已被更正" in page
    assert fresh.removeprefix("/registrar") in page
