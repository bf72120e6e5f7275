"""What a bundle carries when accreditation changes, holders are children, or parts are not there yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from credentials import bundles, error_reports, issuing, patience, sharing, status_publishing, store
from credentials.errors import CredentialNotFoundError, NotPublishedError, PinRequiredError, ShareExpiredError
from credentials.issuer_setup import ensure_status_list
from credentials.models import Credential, Share
from credentials.share_code import keys_of
from credentials.share_lookup import look_up
from crypto.jose import SUITES
from kernel.errors import BusyError
from ledger.registry.accreditation import Accreditation
from ledger.registry.statement_status import State
from ledger.registry.statements import statements_for
from ledger.registry.withdrawal import set_statement_status
from tests.integration.credentials.campus import ZZU, Campus, holder, registrar, table
from tests.integration.credentials.site import make_site


def withdraw(campus: Campus, state: State, **more: Any) -> None:
    by = campus.by
    with by.database.read() as session:
        (statement,) = statements_for(session, ZZU)
    accreditation = Accreditation(by.signer, by.log, by.clock)
    set_statement_status(by.database, statement.commitment, state, by=accreditation, **more)
    campus.clock.move(timedelta(seconds=30))
    campus.publish()


def test_a_school_that_retires_keeps_what_it_issued(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    campus.clock.move(timedelta(days=1))
    withdraw(campus, State.RETIRED)
    bundle = campus.bundle(credential)
    later = bundle["accreditation"][0]["status"]
    assert set(later) == set(SUITES)  # Said after the checkpoint: it has no place in that tree.
    assert campus.verify(bundle)["verdict"]["code"] == "valid"


def test_keys_that_were_compromised_before_take_it_away(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    issued_at = campus.clock.now()
    campus.clock.move(timedelta(days=1))
    withdraw(campus, State.COMPROMISED, since=issued_at - timedelta(hours=1))
    report = campus.verify(campus.bundle(credential))
    assert report["verdict"]["code"] == "mismatch"
    issuer = next(step for step in report["steps"] if step["step"] == "issuer")
    assert issuer["code"] == "issuer_compromised"


def test_nothing_is_bundled_before_its_status_list(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    people = campus.roster.enrol(ZZU, 1)
    campus.issue(table(people))
    (credential,) = campus.of(people[0].person_id)
    with pytest.raises(NotPublishedError) as caught:
        campus.bundle(credential)
    assert caught.value.params == {"when": "12:00"}
    while campus.world.cycle():
        pass
    with pytest.raises(NotPublishedError):
        campus.bundle(credential)
    status_publishing.run_once(campus.by)
    assert campus.verify(campus.bundle(credential))["verdict"]["code"] == "valid"


def test_the_window_of_the_log_is_told(sqlite_campus: Campus) -> None:
    (credential,) = sqlite_campus.issue_to()
    by = replace(sqlite_campus.by, log_window=timedelta(minutes=10))
    assert bundles.not_published(credential, by).params == {"when": "12:10"}


def test_the_anchor_is_the_one_that_is_there(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    asked: list[int] = []

    def anchor_of(_session: object, tree_size: int, _shard: int) -> dict[str, Any]:
        asked.append(tree_size)
        return {"mode": "embedded", "size": tree_size}

    by = replace(campus.by, anchor_of=anchor_of)
    with by.database.read() as session:
        assembled = bundles.assemble(session, credential, [], by=by)
    assert assembled.bundle["anchor"] == {"mode": "embedded", "size": assembled.tree_size}
    assert asked == [assembled.tree_size]
    assert campus.bundle(credential)["anchor"] is None


def test_a_child_shares_with_a_pin(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (person,) = campus.roster.enrol(ZZU, 1)
    child = replace(person, birthdate=date(2013, 1, 1))
    campus.roster.people[ZZU][person.student_no] = child
    campus.issue(table([child]))
    campus.publish()
    (credential,) = campus.of(child.person_id)
    wish = sharing.Wish(frozenset({"name"}), 30, None, "f")
    with pytest.raises(PinRequiredError):
        sharing.create_share(campus.by, credential.id, wish, actor=holder(child))
    sharing.create_share(campus.by, credential.id, replace(wish, pin="2468"), actor=holder(child))
    site = make_site(campus)
    site.actor = holder(child, campus.clock)
    assert "你还不满 14 岁" in site.get(f"/credentials/{credential.id}/share")


@pytest.mark.parametrize(
    ("birthdate", "needed"), [("2012-07-01", True), ("2012-06-30", False), ("2004-02-29", False), (None, False)]
)
def test_fourteen_is_counted_to_the_day(birthdate: str | None, needed: bool) -> None:
    assert sharing.needs_pin(birthdate, date(2026, 6, 30)) is needed


def test_erasing_a_holder_closes_everything(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    person = campus.roster.person(credential.person_id)
    assert person is not None
    actor = holder(person, campus.clock)
    wish = sharing.Wish(frozenset({"name"}), 30, None, "f")
    made = sharing.create_share(campus.by, credential.id, wish, actor=actor)
    with campus.by.database.write() as session:
        assert store.erase_holder(session, person.person_id) == 1
    with pytest.raises(ShareExpiredError):
        look_up(campus.by, keys_of(made.code).id, pin=None, address="203.0.113.7")
    with pytest.raises(CredentialNotFoundError):
        error_reports.report(campus.by, credential.id, field="name", text="", actor=actor)
    site = make_site(campus)
    site.actor = actor
    assert "个人信息已经删除" in site.get(f"/credentials/{credential.id}")
    site.get(f"/credentials/{credential.id}/bundle", status=404)
    site.actor = registrar(ZZU, campus.clock)
    assert "已删除" in site.get("/registrar/credentials")


def test_long_lists_come_in_pages(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    campus = sqlite_campus
    credentials = campus.issue_to(5)
    monkeypatch.setattr(store, "PAGE", 2)
    monkeypatch.setattr("credentials.batch_store.PAGE", 2)
    monkeypatch.setattr("credentials.share_store.PAGE", 2)
    for _ in range(3):
        campus.check(table(campus.roster.enrol(ZZU, 1, first=900), first=900))
    site = make_site(campus)
    site.actor = registrar(ZZU, campus.clock)
    assert pages(site.get, "/registrar/credentials", "/registrar/credentials/") == {str(one.id) for one in credentials}
    assert len(pages(site.get, "/registrar/batches", "/registrar/batches/")) == 4
    person = campus.roster.person(credentials[0].person_id)
    assert person is not None
    site.actor = holder(person, campus.clock)
    for number in range(3):
        wish = sharing.Wish(frozenset({"name"}), 30, None, f"f{number}")
        sharing.create_share(campus.by, credentials[0].id, wish, actor=site.actor)
    assert "?page=2" in site.get("/shares")
    assert "?page=1" in site.get("/shares?page=2")
    site.get("/shares?page=0", status=422)
    move_to(campus, credentials, credentials[0])
    assert "?page=2" in site.get("/credentials")
    assert "?page=3" in site.get("/credentials?page=2")


def move_to(campus: Campus, credentials: list[Credential], owner: Credential) -> None:
    """Give all credentials to one holder, for the length of a list alone."""
    with campus.by.database.write() as session:
        for credential in credentials:
            row = session.get(Credential, credential.id)
            key = store.holder_keys(session, [credential.person_id])[credential.person_id]
            assert row is not None
            place = {"table": "cred_credential", "column": "disclosures", "row": str(row.id)}
            text = campus.by.vault.decrypt(key, row.person_id, row.disclosures, **place)
            own = store.holder_keys(session, [owner.person_id])[owner.person_id]
            row.disclosures = campus.by.vault.encrypt(own, owner.person_id, text, **place)
            row.person_id = owner.person_id


def pages(get: Any, path: str, link: str) -> set[str]:
    """Follow "next page" from `path` and gather the ids of what is listed."""
    found: set[str] = set()
    place = path
    for _ in range(9):
        text = get(place)
        here = {part.split('"')[0] for part in text.split(f'href="{link}')[1:]}
        found |= {one for one in here if len(one) == 36}
        if 'href="?before=' not in text:
            return found
        place = path + "?before=" + text.split('href="?before=')[1].split('"')[0]
    raise AssertionError("the pages do not end")


def test_bulk_work_waits_for_the_lock(sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_PAUSE", 0)
    tries: list[int] = []

    def work(_session: object) -> str:
        tries.append(1)
        if len(tries) < 4:
            raise BusyError("busy")
        return "done"

    assert patience.write_patiently(sqlite_campus.by.database, work) == "done"

    def never(_session: object) -> None:
        raise BusyError("busy")

    with pytest.raises(BusyError):
        patience.write_patiently(sqlite_campus.by.database, never)


def test_a_list_can_be_opened_before_the_first_credential(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    uri = ensure_status_list(campus.by, "41")
    assert uri == ensure_status_list(campus.by, "41") == "http://localhost:8000/status/41/1"
    assert status_publishing.run_once(campus.by) == 1
    assert (campus.by.status_folder / "41" / "1.gm").exists()
    assert issuing.run_once(campus.by) == 0


def test_no_share_is_stored_in_the_clear(sqlite_campus: Campus) -> None:
    (credential,) = sqlite_campus.issue_to()
    person = sqlite_campus.roster.person(credential.person_id)
    assert person is not None
    wish = sharing.Wish(frozenset({"name", "birthdate"}), 30, None, "f")
    made = sharing.create_share(sqlite_campus.by, credential.id, wish, actor=holder(person))
    with sqlite_campus.by.database.read() as session:
        share = session.get(Share, made.share_id)
    assert share is not None
    assert share.ciphertext is not None
    assert person.name.encode() not in share.ciphertext
    assert keys_of(made.code).id not in (share.lookup_index, share.nonce)
