"""The holder's pages over HTTP: see, share, who looked, withdraw; and what strangers get."""

from __future__ import annotations

import base64
import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from credentials import revocation, share_store, status_publishing
from credentials.issuing import run_once
from credentials.models import Credential
from credentials.share_code import ALPHABET, check_sign
from credentials.status_list import Status
from crypto.encoding import b64u
from tests.integration.credentials.campus import BASE, ZZU, Campus, holder, registrar, table
from tests.integration.credentials.site import Site, make_site
from xinji_client import share as client_share

FIELDS = ["name", "level", "major", "school_name", "graduation_date", "certificate_number"]


@pytest.fixture
def site(sqlite_campus: Campus) -> Site:
    return make_site(sqlite_campus)


@pytest.fixture
def credential(site: Site) -> Credential:
    """One published diploma, whose holder is signed in."""
    (credential,) = site.campus.issue_to()
    person = site.campus.roster.person(credential.person_id)
    assert person is not None
    site.actor = holder(person, site.campus.clock)
    return credential


def share(site: Site, credential: Credential, **form: Any) -> tuple[str, str]:
    """Share and return code and page."""
    place = f"/credentials/{credential.id}/share"
    values = {"field": FIELDS, "days": "30", "form": "f1", **form}
    status, text, _ = site.post(place, values, on=place)
    assert status == 200, text
    found = re.search(r'id="share-link">([^<]+)<', text)
    assert found, text
    link = html.unescape(found.group(1))
    assert link.startswith(f"{BASE}/v#")
    return link.removeprefix(f"{BASE}/v#"), text


def look(site: Site, code: str, pin: str | None = None) -> Any:
    """Ask as the verifier's page does: only the look-up id leaves the device."""
    question = {"id": b64u(client_share.keys_of(code).id), **({"pin": pin} if pin else {})}
    return site.client.post("/v/lookup", json=question)


def test_a_share_verifies_on_somebody_elses_device(site: Site, credential: Credential) -> None:
    assert "还没有人看过" in site.get("/credentials")
    code, page = share(site, credential)
    assert "localhost:8000" in page
    answer = look(site, code)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    bundle = json.loads(client_share.open_share(answer.json(), code))
    report = site.campus.verify(bundle, fresh_status=answer.json()["status"])
    assert report["verdict"]["code"] == "valid", report
    assert set(report["credential"]["claims"]) == set(FIELDS)
    assert "2004-02-29" not in json.dumps(bundle, ensure_ascii=False)
    assert answer.json()["trust"] == "/trust.json"
    assert "被查看 1 次" in site.get("/credentials")


def test_the_qr_leads_to_the_code_and_nothing_else(site: Site, credential: Credential) -> None:
    code, page = share(site, credential)
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found
    assert scanned(found.group(1)) == f"{BASE}/v#{code}"


def scanned(svg: str) -> str:
    """Paint the one path of our SVG, square by square, and read it with an independent reader."""
    text = base64.b64decode(svg).decode()
    size = int(re.search(r'viewBox="0 0 (\d+)', text).group(1))  # type: ignore[union-attr]
    picture = Image.new("L", (size, size), 255)
    for x, y in re.findall(r"M(\d+),(\d+)", text):
        picture.putpixel((int(x), int(y)), 0)
    (found,) = zxingcpp.read_barcodes(picture.resize((size * 8, size * 8), Image.Resampling.NEAREST))
    return str(found.text)


def test_the_code_is_shown_once_and_stored_nowhere(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential)
    with site.campus.by.database.read() as session:
        (stored,) = share_store.shares_of_person(session, credential.person_id)
    for value in vars(stored).values():
        assert code not in str(value)
        assert code.encode() not in (value if isinstance(value, bytes) else b"")
    for path in ("/shares", f"/shares/{stored.id}", f"/credentials/{credential.id}"):
        assert code not in site.get(path).replace("-", "")


def test_a_form_sent_twice_shares_once(site: Site, credential: Credential) -> None:
    share(site, credential, form="same")
    place = f"/credentials/{credential.id}/share"
    status, text, _ = site.post(place, {"field": FIELDS, "days": "30", "form": "same"}, on=place)
    assert (status, "share_exists" in text) == (409, True)
    with site.campus.by.database.read() as session:
        assert len(share_store.shares_of_person(session, credential.person_id)) == 1


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"field": []}, "nothing_selected"),
        ({"field": ["id_card"]}, "nothing_selected"),
        ({"days": "0"}, "invalid_expiry"),
        ({"days": "181"}, "invalid_expiry"),
        ({"days": "-5"}, "invalid_expiry"),
        ({"days": "forever"}, "invalid_expiry"),
        ({"pin": "123"}, "invalid_pin"),
        ({"pin": "12345678901"}, "invalid_pin"),
        ({"pin": "abcd"}, "invalid_pin"),
        ({"pin": "１２３４"}, "invalid_pin"),
    ],
)
def test_a_wish_that_is_refused_is_named_on_the_form(
    site: Site, credential: Credential, form: dict[str, Any], code: str
) -> None:
    place = f"/credentials/{credential.id}/share"
    status, text, _ = site.post(place, {"field": FIELDS, "days": "30", "form": "f", **form}, on=place)
    assert (status, code in text) == (422, True)
    with site.campus.by.database.read() as session:
        assert share_store.shares_of_person(session, credential.person_id) == []


def test_before_the_log_publishes_nothing_can_be_shared(site: Site) -> None:
    (person,) = site.campus.roster.enrol(ZZU, 1)
    site.campus.issue(table([person]))
    (credential,) = site.campus.of(person.person_id)
    site.actor = holder(person, site.campus.clock)
    place = f"/credentials/{credential.id}/share"
    assert "后分享" in site.get("/credentials")
    assert "share-form" not in site.get(place)
    form = {"field": FIELDS, "days": "30", "form": "f"}
    status, text, _ = site.post(place, form, on=f"/credentials/{credential.id}/report")
    assert (status, "not_published" in text) == (409, True)
    assert "not_published" in site.get(f"/credentials/{credential.id}/bundle", status=409)
    site.campus.publish()
    share(site, credential)


def test_a_share_ends_and_says_why(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential, days="7")
    site.campus.clock.move(timedelta(days=6))
    site.campus.publish()
    assert look(site, code).status_code == 200
    site.campus.clock.move(timedelta(days=1))
    expired = look(site, code)
    assert (expired.status_code, expired.json()["type"]) == (410, "urn:xinji:problem:share_expired")


def test_withdrawing_closes_it_at_once(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential, days="until-withdrawn")
    with site.campus.by.database.read() as session:
        (stored,) = share_store.shares_of_person(session, credential.person_id)
    place = f"/shares/{stored.id}"
    assert site.post(f"{place}/withdraw", on=place)[0] == 303
    gone = look(site, code)
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:xinji:problem:share_withdrawn")
    assert "已撤回" in site.get(place)
    with site.campus.by.database.read() as session:
        left = share_store.share(session, stored.id)
        assert left is not None
        assert left.ciphertext is None


def test_one_wrong_sign_finds_nothing(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential)
    other = next(sign for sign in ALPHABET if sign != code[3])
    signs = code[:3] + other + code[4:19]
    wrong = look(site, signs + check_sign(signs))
    assert (wrong.status_code, wrong.json()["type"]) == (404, "urn:xinji:problem:share_unknown")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b'"x"', b"{}", b'{"id": 5}', b'{"id": "=="}'),
        *(b'{"id": "AA", "pin": 5}', b'{"id": "AA", "pin": "123456789"}'),
    ],
)
def test_a_malformed_question_is_named(site: Site, body: bytes) -> None:
    answer = site.client.post("/v/lookup", content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:xinji:problem:invalid_input")


def test_odd_questions_find_nothing(site: Site) -> None:
    assert site.client.post("/v/lookup", json={"id": ""}).status_code == 404
    assert site.client.post("/v/lookup", json={"id": b64u(b"x" * 500)}).status_code == 404
    assert site.client.post("/v/lookup", content=b"x" * 5_000).status_code == 413


def test_a_pin_opens_in_five_tries_or_never(site: Site, credential: Credential) -> None:
    code, page = share(site, credential, pin="2468")
    assert "打开时要输入口令" in page
    assert look(site, code).json()["params"] == {"left": 5}
    for left in (4, 3):
        wrong = look(site, code, "1111")
        assert (wrong.status_code, wrong.json()["params"]) == (401, {"left": left})
    assert look(site, code, "2468").status_code == 200
    # A right PIN starts the count anew; five wrong ones lock the share for good.
    for left in (4, 3, 2, 1, 0):
        assert look(site, code, "1111").json()["params"] == {"left": left}
    locked = look(site, code, "2468")
    assert (locked.status_code, locked.json()["type"]) == (429, "urn:xinji:problem:share_locked")
    with site.campus.by.database.read() as session:
        (stored,) = share_store.shares_of_person(session, credential.person_id)
        seen = [lookup.result for lookup in share_store.lookups_of(session, stored.id)]
    assert seen == ["wrong_pin"] * 5 + ["opened"] + ["wrong_pin"] * 2
    assert "口令错了五次" in site.get(f"/shares/{stored.id}")


def test_one_address_may_not_try_codes_without_end(site: Site, credential: Credential) -> None:
    answers = [site.client.post("/v/lookup", json={"id": b64u(bytes([number]) * 16)}) for number in range(31)]
    assert [answer.status_code for answer in answers[:30]] == [404] * 30
    assert answers[30].status_code == 429
    assert answers[30].json()["type"] == "urn:xinji:problem:too_many_lookups"
    code, _ = share(site, credential)
    assert look(site, code).status_code == 200  # Others behind the same address have codes that are good.
    site.campus.clock.move(timedelta(minutes=11))
    assert site.client.post("/v/lookup", json={"id": b64u(bytes(16))}).status_code == 404


def test_who_looked_is_shown_as_a_network(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential)
    look(site, code)
    with site.campus.by.database.read() as session:
        (stored,) = share_store.shares_of_person(session, credential.person_id)
        (lookup,) = share_store.lookups_of(session, stored.id)
    assert lookup.origin == "unknown"  # The test client has no address.
    assert "打开了" in site.get(f"/shares/{stored.id}")


def test_another_holder_sees_and_does_nothing(site: Site, credential: Credential) -> None:
    share(site, credential)
    with site.campus.by.database.read() as session:
        (stored,) = share_store.shares_of_person(session, credential.person_id)
    (stranger,) = site.campus.roster.enrol(ZZU, 1, first=900)
    site.actor = holder(stranger, site.campus.clock)
    place = f"/credentials/{credential.id}"
    for path in (place, f"{place}/share", f"{place}/bundle", f"{place}/report", f"/shares/{stored.id}"):
        assert "404" in site.get(path, status=404)
    site.campus.issue(table([stranger], first=900))
    site.campus.publish()
    own = site.campus.of(stranger.person_id)[0]
    on = f"/credentials/{own.id}/share"
    assert site.post(f"{place}/share", {"field": FIELDS, "days": "30", "form": "x"}, on=on)[0] == 404
    assert site.post(f"{place}/report", {"field": "name"}, on=on)[0] == 404
    assert site.post(f"/shares/{stored.id}/withdraw", on=on)[0] == 404
    assert str(credential.id) not in site.get("/credentials")


def test_the_bundle_file_verifies_offline(site: Site, credential: Credential) -> None:
    answer = site.client.get(f"/credentials/{credential.id}/bundle")
    assert f"{credential.id}.xinji.json" in answer.headers["content-disposition"]
    report = site.campus.verify(answer.json())
    assert report["verdict"]["code"] == "valid"
    assert len(report["credential"]["claims"]) == 15


def test_a_revoked_credential_says_so_with_its_reason(site: Site, credential: Credential) -> None:
    code, _ = share(site, credential)
    actor = registrar(ZZU, site.campus.clock)
    site.campus.clock.move(timedelta(seconds=20))
    revocation.change_status(
        site.campus.by, credential.id, to=Status.REVOKED, reason_code="academic_misconduct", actor=actor
    )
    # Not before the list says so: the lists keep their rhythm.
    answer = look(site, code).json()
    bundle = json.loads(client_share.open_share(answer, code))
    assert site.campus.verify(bundle, fresh_status=answer["status"])["verdict"]["code"] == "valid"
    status_publishing.run_once(site.campus.by)
    answer = look(site, code).json()
    report = site.campus.verify(bundle, fresh_status=answer["status"])
    assert report["verdict"]["code"] == "revoked"
    status = next(step for step in report["steps"] if step["step"] == "status")
    assert status["evidence"]["reason"] == "academic_misconduct"
    assert "学术不端，依规撤销" in site.get(f"/credentials/{credential.id}")


def test_a_wrong_entry_is_reported_to_the_school(site: Site, credential: Credential) -> None:
    place = f"/credentials/{credential.id}/report"
    assert site.post(place, {"field": "major", "text": "应为“软件工程”"}, on=place)[0] == 303
    assert site.post(place, {"field": "major", "text": "again"}, on=place)[0] == 303
    assert site.post(place, {"field": "id_card", "text": "x"}, on=place)[0] == 422
    assert "“专业”有误，学校正在核实" in site.get(f"/credentials/{credential.id}")
    site.actor = registrar(ZZU, site.campus.clock)
    assert "有报告" in site.get("/registrar/credentials")
    page = site.get(f"/registrar/credentials/{credential.id}")
    assert "应为“软件工程”" in page
    assert "again" not in page


def test_nobody_has_any_credentials_at_first(site: Site) -> None:
    (person,) = site.campus.roster.enrol(ZZU, 1)
    site.actor = holder(person, site.campus.clock)
    assert "这里还没有凭证" in site.get("/credentials")
    assert "还没有分享过" in site.get("/shares")
    assert run_once(site.campus.by) == 0
