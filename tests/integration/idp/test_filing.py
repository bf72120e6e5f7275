"""Filing a platform: each rule beside its field, versions, who sees what, what the console does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from crypto.keys import generate_key
from idp.oauth.models import Client
from idp.platforms.facts import filing_of
from idp.platforms.models import PlatformFiling
from kernel.audit import AuditEvent
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import World
from tests.integration.idp.platform_world import CALLBACK, COUNTY_SCHOOL, FILING


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "platform_missing"),
        ({"name": "长" * 81}, "name", "platform_too_long"),
        ({"owner_code": "123"}, "owner_code", "platform_owner_code"),
        ({"owner_code": "91410105MA9XTE4T2T"}, "owner_code", "uscc_check"),
        ({"owner_code": "9999999999"}, "owner_code", "school_code_type"),
        ({"owner_code": "3441000000"}, "owner_code", "platform_school_unknown"),
        ({"home": "http://jiaoxue.example.edu.cn/"}, "home", "platform_home"),
        ({"home": "http://127.0.0.1/"}, "home", "platform_home"),
        ({"home": "javascript:alert(1)"}, "home", "platform_home"),
        ({"contact": "张三"}, "contact", "platform_contact"),
        ({"contact": "------- ---"}, "contact", "platform_contact"),
        ({"icp": "ICP备2021012345号"}, "icp", "platform_icp"),
        ({"icp": "豫ICP证030173号"}, "icp", "platform_icp"),
        ({"protection_level": "1"}, "protection_level", "platform_protection_level"),
        ({"protection_level": "³"}, "protection_level", "platform_protection_level"),
        ({"protection_number": "41010043001"}, "protection_number", "platform_protection_number"),
        ({"protection_number": "99010043001-22001"}, "protection_number", "platform_protection_number"),
        ({"app_number": ""}, "app_number", "platform_missing"),
        ({"app_number": "4100123"}, "app_number", "platform_app_number"),
        ({"icp": ""}, "app_number", "platform_app_needs_filings"),
        ({"protection_number": ""}, "app_number", "platform_app_needs_filings"),
        ({"roles": []}, "roles", "platform_audience"),
        ({"roles": ["student", "king"]}, "roles", "platform_audience"),
        ({"minors": ""}, "minors", "platform_minors"),
        ({"need_aff": "按学校分班"}, "need_aff", "platform_need"),
        ({"need_profile": ""}, "need_profile", "platform_need"),
        ({"scope": ["profile", "eid"]}, "need_eid", "platform_need"),
        ({"retention_days": "0"}, "retention_days", "platform_retention"),
        ({"retention_days": "3651"}, "retention_days", "platform_retention"),
        ({"retention_days": "9" * 5000}, "retention_days", "platform_retention"),
        ({"assessed_on": "2026-07-01"}, "assessed_on", "platform_assessment"),
        ({"assessed_on": "2023-06-01"}, "assessed_on", "platform_assessment"),
        ({"assessed_on": "gestern"}, "assessed_on", "platform_assessment"),
        ({"redirect_uris": ""}, "redirect_uris", "platform_missing"),
        ({"redirect_uris": "http://127.0.0.1/cb"}, "redirect_uris", "platform_loopback"),
        ({"redirect_uris": f"{CALLBACK}\nhttps://x/#y"}, "redirect_uris", "platform_redirect_uri"),
        ({"redirect_uris": "\n".join(f"{CALLBACK}/{n}" for n in range(21))}, "redirect_uris", "platform_redirect_uri"),
        ({"profile": ""}, "profile", "platform_choice"),
        ({"method": "client_secret_jwt"}, "method", "platform_choice"),
        ({"profile": "fapi2"}, "method", "platform_profile_method"),
        ({"method": "private_key_jwt"}, "jwks", "platform_missing"),
    ],
)
def test_a_mistake_stands_beside_its_field_and_nothing_is_lost(
    small_world: World, changes: dict[str, Any], field: str, code: str
) -> None:
    at.add_tree(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    browser.get("/developer/platforms/new")
    page = at.send(browser, "filing", **{**FILING, **changes})
    assert page.status_code == 422
    assert at.refused(page) == "form_refused"
    beside = page.text.split(f'id="{field}-problem"', 1)[1].split("</small>", 1)[0]
    assert code in beside
    kept = FILING["purpose"] if field != "purpose" else FILING["name"]
    assert f'value="{kept}"' in page.text
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 0


def test_all_mistakes_of_a_form_are_told_at_once(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    browser.get("/developer/platforms/new")
    page = at.send(browser, "filing")
    assert page.status_code == 422
    assert page.text.count("-problem") > 15


def test_what_was_typed_comes_back_escaped(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    browser.get("/developer/platforms/new")
    attack = '"><script>alert(1)</script>'
    page = at.send(browser, "filing", **{**FILING, "name": attack, "redirect_uris": f"</textarea>{attack}", "icp": ""})
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_a_filing_makes_a_platform_that_serves_nobody_yet(world: World) -> None:
    at.add_tree(world)
    human = world.person()
    browser = world.activate(human)
    client_id = at.file(browser, owner_code=" 91410105ma9xte4t2u ", icp="豫icp备2021012345号－1")
    client = at.client_row(world, client_id)
    assert (client.state, client.kind, client.registered_by) == ("pending", "platform", human.id)
    assert world.idp.clients.get(client_id) is None
    (filing,) = at.filings(world, client_id)
    assert (filing.owner_code, filing.icp, filing.app_number) == (
        FILING["owner_code"],
        FILING["icp"],
        FILING["app_number"],
    )
    assert (filing.state, filing.number, filing.latest) == ("waiting", 1, True)
    secret = at.new_secret(browser, client_id)
    refused = world.browser().http.post(
        "/oauth/token", data={"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    )
    assert refused.status_code == 401
    with world.database.read() as session:
        assert filing_of(session, client_id) is None
        assert session.scalar(select(func.count()).where(AuditEvent.action == "platform.file")) == 1


def test_a_school_that_built_it_itself_needs_no_app_number(small_world: World) -> None:
    at.add_tree(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    client_id = at.file(browser, owner_code=COUNTY_SCHOOL, app_number="")
    assert at.filings(small_world, client_id)[0].app_number is None


def test_others_do_not_find_a_developer_s_platform(small_world: World) -> None:
    at.add_tree(small_world)
    owner = small_world.activate(small_world.person(), factor=False)
    other = small_world.activate(small_world.person("韩梅梅"), factor=False)
    client_id = at.file(owner)
    test_id = at.make_test(owner).client_id
    other.get("/developer/tests/new")
    token = {"csrf_token": other.form("test-client").fields["csrf_token"], "confirmed": "yes", **FILING}
    for path in (f"/developer/clients/{client_id}", f"/developer/clients/{test_id}/edit"):
        assert other.get(path).status_code == 404
    assert other.get(f"/developer/platforms/{client_id}/file").status_code == 404
    for path in (
        f"/developer/clients/{client_id}/secret",
        f"/developer/clients/{test_id}/secret",
        f"/developer/clients/{test_id}/edit",
        f"/developer/clients/{test_id}/end",
        f"/developer/clients/{client_id}/keys",
        f"/developer/clients/{client_id}/end",
        f"/developer/platforms/{client_id}/file",
    ):
        assert other.http.post(path, data=token).status_code == 404, path
    assert client_id not in other.get("/developer").text
    assert owner.get(f"/developer/clients/{client_id}/edit").status_code == 404
    assert len(at.filings(small_world, client_id)) == 1


def test_forms_without_their_token_and_people_who_are_not_signed_in_change_nothing(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    assert browser.http.post("/developer/platforms", data=FILING).status_code == 403
    assert browser.http.post("/developer/tests", data=at.TEST_CLIENT).status_code == 403
    stranger = small_world.browser()
    assert stranger.get("/developer").request.url.path == "/signin"
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 0


def test_staff_need_two_factors_here_too(small_world: World) -> None:
    at.add_tree(small_world)
    human, browser = at.officer(small_world)
    assert browser.get("/developer").status_code == 200
    weak = small_world.browser()
    weak.get("/signin")
    weak.submit("signin", login=human.eid, password="summer-rain-7-lotus")
    assert weak.get("/developer").request.url.path != "/developer"


def test_a_second_version_replaces_the_first_that_waits(world: World) -> None:
    at.add_tree(world)
    browser = world.activate(world.person())
    client_id = at.file(browser)
    assert at.file_again(browser, client_id, name="新名字").status_code == 200
    versions = at.filings(world, client_id)
    assert [(each.number, each.state, each.latest) for each in versions] == [
        (1, "replaced", False),
        (2, "waiting", True),
    ]
    assert "新名字" in browser.get("/developer").text


def test_the_form_comes_back_as_it_was_filed(small_world: World) -> None:
    at.add_tree(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    client_id = at.file(browser)
    page = browser.get(f"/developer/platforms/{client_id}/file")
    fields = browser.form("filing").fields
    for name in ("name", "owner_code", "icp", "app_number", "purpose", "need_aff", "retention_days", "assessed_on"):
        assert fields[name] == FILING[name]
    assert CALLBACK in page.text


def test_only_so_many_filings_of_a_person_wait(small_world: World) -> None:
    at.add_tree(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    for number in range(10):
        at.file(browser, name=f"平台{number}")
    browser.get("/developer/platforms/new")
    page = at.send(browser, "filing", **FILING)
    assert (page.status_code, at.refused(page)) == (409, "platform_too_many_filings")
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PlatformFiling)) == 10


def test_keys_are_checked_and_rotate_without_review(small_world: World) -> None:
    at.add_tree(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    key = generate_key("ES256")
    public = json.dumps({"keys": [key.public.jwk]})
    made = at.make_test(browser, method="private_key_jwt", profile="fapi2", jwks=public)
    assert made.client_secret is None
    client = small_world.idp.clients.get(made.client_id)
    assert client is not None
    assert client.metadata.fapi
    assert client.metadata.require_pushed_authorization_requests
    page = browser.get(f"/developer/clients/{made.client_id}")
    private = json.dumps({"keys": [{**key.public.jwk, "d": "AAAA"}]})
    for wrong, code in (
        (private, "platform_private_key"),
        ("{", "platform_keys"),
        ("[]", "platform_keys"),
        ('{"keys": []}', "platform_keys"),
        ('{"keys": [1]}', "platform_keys"),
        ('{"keys": [{"kty": "EC"}]}', "platform_keys"),
        ("[" * 9_000, "platform_keys"),
        ("", "platform_missing"),
    ):
        page = at.send(browser, "keys", jwks=wrong, jwks_uri="")
        assert page.status_code == 422, wrong
        assert code in page.text
        browser.get(f"/developer/clients/{made.client_id}")
    page = at.send(browser, "keys", jwks="", jwks_uri="https://keys.example.edu.cn/jwks.json")
    assert page.status_code == 200, page.text
    client = small_world.idp.clients.get(made.client_id)
    assert client is not None
    assert (client.metadata.jwks, client.metadata.jwks_uri) == (None, "https://keys.example.edu.cn/jwks.json")


def test_a_secret_is_shown_once_and_the_old_one_ends(world: World) -> None:
    browser = world.activate(world.person())
    made = at.make_test(browser)
    assert made.client_secret is not None
    assert made.client_secret not in browser.get(f"/developer/clients/{made.client_id}").text
    fresh = at.new_secret(browser, made.client_id)
    client = world.idp.clients.get(made.client_id)
    assert client is not None
    assert client.check_client_secret(fresh)
    assert not client.check_client_secret(made.client_secret)
    world.clock.move(timedelta(minutes=1))
    assert fresh not in browser.get(f"/developer/clients/{made.client_id}").text
