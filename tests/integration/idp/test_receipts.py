"""Consent receipts: what they hold, when a platform asks again, withdrawing, the history, taking them away."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from idp.consent.giving import LIFE
from idp.models import Consent, ConsentText
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import Client
from idp.purge import CONSENTS, purge
from tests.integration.idp.conftest import Human, World, answer_of
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.test_guardians import post

CREDENTIAL = {
    "type": "xinji_credential",
    "credential_types": ["urn:xinji:credential:diploma:1"],
    "actions": ["read"],
}


def test_who_else_gets_the_data_is_said_and_kept(small_world: World) -> None:
    """A token may be handed on to the platforms it was asked for (RFC 8693): the person is told of them first."""
    archive = small_world.platform(name="示范档案馆", owner="示范档案局")
    resource = f"urn:xinji:client:{archive.client_id}"
    holder = Holder(small_world, xinji_resources=[resource, "https://api.example.edu.cn/"])
    holder.agree()
    assert not holder.is_asked()
    assert holder.is_asked(resource=resource)
    text = holder.browser.page.text.split('id="recipients">')[1].split("</p>")[0]
    assert "示范档案馆" in text
    assert "示范档案局" in text
    holder.agree(resource=resource)
    assert holder.receipts()[-1].fields["resources"] == [resource]
    assert not holder.is_asked(resource=resource)
    assert holder.is_asked(resource="https://api.example.edu.cn/")
    assert "https://api.example.edu.cn/" in holder.browser.page.text


class Holder:
    """A person, a browser, a platform."""

    def __init__(self, world: World, **changes: Any) -> None:
        self.world = world
        self.human: Human = world.person()
        self.browser: PlainBrowser = world.activate(self.human, factor=False)
        self.platform: ClientCredentials = world.platform(**changes)

    def agree(self, **changes: str | None) -> Any:
        return self.world.redeem(self.platform, self.world.code(self.platform, self.browser, **changes)).json()

    def is_asked(self, **changes: str | None) -> bool:
        page = self.browser.get(self.world.request(self.platform, **changes))
        return page.status_code == 200 and 'id="consent"' in page.text

    def receipts(self) -> list[Consent]:
        with self.world.database.read() as session:
            return list(session.scalars(select(Consent).order_by(Consent.given_at)))

    def change(self, **values: str) -> None:
        with self.world.database.write() as session:
            session.execute(update(Client).values(**values))
        self.world.idp.clients.forget(self.platform.client_id)


@pytest.fixture
def holder(small_world: World) -> Holder:
    return Holder(small_world)


def test_a_receipt_says_who_what_why_in_which_words_and_until_when(world: World) -> None:
    holder = Holder(world)
    holder.agree(scope="openid profile aff")
    receipt = holder.receipts()[0]
    now = world.clock.now()
    assert (receipt.name, receipt.owner, receipt.purpose) == ("示范平台甲", "示范单位", "教学管理")
    assert receipt.fields == {
        "claims": ["name", "age_band", "loa", "school_code", "aff"],
        "details": [],
        "resources": [],
    }
    assert (receipt.basis, receipt.given_by, receipt.guardianship_id) == ("consent", holder.human.id, None)
    assert (receipt.given_at, receipt.until) == (now, now + LIFE)
    with world.database.read() as session:
        words = session.get_one(ConsentText, receipt.text_version)
    assert "身份证号从不提供给任何平台" in words.text
    assert receipt.language == "zh"


def test_english_words_are_another_text(holder: Holder) -> None:
    holder.agree(scope="openid")
    holder.browser.get("/account?lang=en")
    holder.agree(scope="openid profile")
    first, second = holder.receipts()
    assert (first.language, second.language) == ("zh", "en")
    assert first.text_version != second.text_version
    with holder.world.database.read() as session:
        assert "Identity numbers" in session.get_one(ConsentText, second.text_version).text


@pytest.mark.parametrize("changed", [{"purpose": "广告投放"}, {"owner": "另一家公司"}])
def test_a_platform_that_changes_its_purpose_or_owner_asks_again(holder: Holder, changed: dict[str, str]) -> None:
    holder.agree()
    assert not holder.is_asked()
    holder.change(**changed)
    assert holder.is_asked()
    holder.agree()
    assert not holder.is_asked()
    holder.change(name="新名字")  # A name is no new recipient.
    assert not holder.is_asked()


def test_single_claims_count_like_those_of_a_scope(holder: Holder) -> None:
    one = json.dumps({"userinfo": {"eid": None}})
    holder.agree(scope="openid")
    assert holder.is_asked(scope="openid", claims=one)
    token = holder.agree(scope="openid", claims=one)
    assert not holder.is_asked(scope="openid", claims=one)
    assert not holder.is_asked(scope="openid")
    assert holder.is_asked(scope="openid profile")
    assert holder.world.userinfo(token["access_token"]).json()["eid"] == holder.human.eid
    assert holder.receipts()[-1].fields["claims"] == ["eid"]


def test_a_platform_gets_nothing_beyond_what_it_registered(small_world: World) -> None:
    holder = Holder(small_world, scope="openid profile")
    wish = json.dumps({"userinfo": {"eid": {"essential": True}, "aff": None}, "id_token": {"guardian_of": None}})
    holder.browser.get(small_world.request(holder.platform, scope="openid profile eid aff guardian", claims=wish))
    assert holder.human.eid not in holder.browser.page.text
    token = holder.agree(scope="openid profile eid aff guardian", claims=wish)
    claims = small_world.userinfo(token["access_token"]).json()
    assert set(claims) == {"sub", "name", "age_band", "loa"}
    assert holder.receipts()[0].scope == "openid profile"


def test_authorization_details_stand_in_words_on_the_page_and_whole_on_the_receipt(small_world: World) -> None:
    holder = Holder(small_world, authorization_details_types=["xinji_credential", "xinji_data_sharing"])
    asked = json.dumps([CREDENTIAL])
    assert holder.is_asked(scope="openid", authorization_details=asked)
    assert "毕业证书" in holder.browser.page.text
    holder.agree(scope="openid", authorization_details=asked)
    assert holder.receipts()[0].fields["details"] == [CREDENTIAL]
    assert not holder.is_asked(scope="openid", authorization_details=asked)
    narrower = json.dumps([{**CREDENTIAL, "issuers": ["4141010459"]}])
    assert not holder.is_asked(scope="openid", authorization_details=narrower)
    wider = json.dumps([{**CREDENTIAL, "credential_types": ["urn:xinji:credential:degree:1"]}])
    assert holder.is_asked(scope="openid", authorization_details=wider)


def test_a_consent_ends_after_a_year_with_its_tokens(holder: Holder) -> None:
    world = holder.world
    holder.agree(scope="openid profile offline_access")
    world.clock.move(LIFE - timedelta(days=1))
    holder.browser = world.sign_in(holder.human)
    token = holder.agree(scope="openid profile offline_access")
    assert len(holder.receipts()) == 1
    world.clock.move(timedelta(days=1))
    with world.database.write() as session:
        purge(session, world.clock.now())
    assert world.refresh(holder.platform, token["refresh_token"]).status_code == 400
    holder.browser = world.sign_in(holder.human)
    assert holder.is_asked()
    assert holder.receipts()[0].ending == "expired"


def test_withdrawing_is_one_button_and_the_history_keeps_it(holder: Holder) -> None:
    world = holder.world
    token = holder.agree(scope="openid profile offline_access")
    page = holder.browser.get("/account")
    assert "/account/consents" in page.text
    page = holder.browser.get("/account/consents")
    path = f"/account/platforms/{holder.platform.client_id}/withdraw"
    assert path in page.text
    page = post(holder.browser, "/account/consents", path)
    assert page.request.url.path == "/account/consents"
    assert path not in page.text
    assert "本人已于" in page.text
    assert world.userinfo(token["access_token"]).status_code == 401
    assert world.refresh(holder.platform, token["refresh_token"]).status_code == 400
    assert holder.is_asked()
    assert post(holder.browser, "/account", path).status_code == 404


def test_nobody_sees_or_withdraws_the_consents_of_others(holder: Holder) -> None:
    holder.agree()
    other = holder.world.activate(holder.world.person("韩梅梅"), factor=False)
    assert "示范平台甲" not in other.get("/account/consents").text
    assert post(other, "/account", f"/account/platforms/{holder.platform.client_id}/withdraw").status_code == 404
    assert json.loads(other.get("/account/consents/receipts.json").text) == []
    assert holder.receipts()[0].withdrawn_at is None
    stranger = holder.world.browser()
    for path in ("/account/consents", "/account/consents/receipts.json", "/account/consents/receipts.csv"):
        assert stranger.get(path).request.url.path == "/signin"


def test_a_withdrawal_from_elsewhere_does_nothing(holder: Holder) -> None:
    holder.agree()
    path = f"/account/platforms/{holder.platform.client_id}/withdraw"
    assert holder.browser.post(path, {}).status_code == 403
    assert holder.receipts()[0].withdrawn_at is None


def test_the_history_is_paged(holder: Holder) -> None:
    world = holder.world
    for number in range(21):
        holder.platform = world.platform(name=f"平台{number}")
        holder.agree(scope="openid")
        world.clock.move(timedelta(seconds=1))
    path = f"/account/platforms/{holder.platform.client_id}/withdraw"
    first = holder.browser.get("/account/consents").text.split('id="receipts"')[1]
    second = holder.browser.get("/account/consents?page=2").text.split('id="receipts"')[1]
    assert "平台20" in first
    assert "平台0<" not in first
    assert "平台0<" in second
    assert path
    assert holder.browser.get("/account/consents?page=3").status_code == 200
    assert holder.browser.get("/account/consents?page=0").status_code == 422


def test_receipts_can_be_taken_away_and_no_cell_is_a_formula(holder: Holder) -> None:
    holder.platform = holder.world.platform(name='=HYPERLINK("http://evil.example")', owner="+甲,乙")
    holder.agree()
    answer = holder.browser.get("/account/consents/receipts.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="receipts.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert rows[0]["platform"].startswith("'=HYPERLINK")
    assert rows[0]["owner"] == "'+甲,乙"
    assert rows[0]["claims"] == "name age_band loa"
    kept = json.loads(holder.browser.get("/account/consents/receipts.json").text)
    assert kept[0]["platform"].startswith("=HYPERLINK")
    assert kept[0]["text_version"] == holder.receipts()[0].text_version


def test_receipts_go_three_years_after_what_they_allowed_has_ended(holder: Holder) -> None:
    world = holder.world
    holder.agree()
    post(holder.browser, "/account/consents", f"/account/platforms/{holder.platform.client_id}/withdraw")
    holder.agree(scope="openid")
    for step, left in ((CONSENTS, 2), (timedelta(days=1), 1), (LIFE, 0)):
        world.clock.move(step)
        with world.database.write() as session:
            while purge(session, world.clock.now()):
                pass
        assert len(holder.receipts()) == left


def test_a_receipt_outlives_the_platforms_registration(holder: Holder) -> None:
    holder.agree()
    with holder.world.database.write() as session:
        session.execute(update(Client).values(state="blocked"))
    holder.world.idp.clients.forget(holder.platform.client_id)
    assert "示范平台甲" in holder.browser.get("/account/consents").text


def test_a_page_seen_for_less_gives_no_more(holder: Holder) -> None:
    """The form's address holds the request: a wider one there is checked as what it is, and shown first."""
    holder.browser.get(holder.world.request(holder.platform, scope="openid"))
    form = holder.browser.form("consent")
    wider = form.action.replace("scope=openid&", "scope=openid+profile+eid&")
    assert wider != form.action
    page = holder.browser.post(wider, {**form.fields, "decision": "allow"})
    assert page.status_code == 200
    assert holder.human.eid[:4] in page.text  # What would be sent now is shown first.
    assert holder.receipts() == []
    assert "code" in answer_of(holder.browser.submit("consent", decision="allow"))
    assert holder.receipts()[0].scope == "openid profile eid"


def test_a_purpose_that_changes_while_the_page_is_read_is_shown_first(holder: Holder) -> None:
    holder.is_asked()
    holder.change(purpose="广告投放")
    page = holder.browser.submit("consent", decision="allow")
    assert page.status_code == 200
    assert "广告投放" in page.text
    assert holder.receipts() == []


def test_the_mark_of_another_persons_page_decides_nothing(holder: Holder) -> None:
    holder.is_asked()
    foreign = holder.browser.form("consent").fields["seen"]
    other = Holder(holder.world)
    other.platform = holder.platform
    other.is_asked()
    for seen in (foreign, "", "电", "x" * 64):
        assert other.browser.submit("consent", decision="allow", seen=seen).status_code == 200
    assert holder.receipts() == []
