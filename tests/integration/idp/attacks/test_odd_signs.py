"""Signs that databases, browsers or eyes take for something else: NUL, half characters, blanks, foreign alphabets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from crypto.keys import ES256, generate_key
from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.assertions import TYPE
from idp.oauth.clients.names import is_honest, is_visible
from idp.platforms import console
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.proving import Prover, jwt
from tests.integration.idp.registering import Registrar, error_of
from tests.integration.idp.signing_platform import SigningPlatform, error_page

HALF = "\ud800"
NUL = "xc_\0"
HUGE = "x" * 5_000


def _basic(client_id: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{quote(client_id)}:x".encode()).decode()}


WAYS: dict[str, Callable[[Any, str], Any]] = {
    "authorize": lambda http, name: http.get(f"/oauth/authorize?{urlencode({'client_id': name})}"),
    "logout": lambda http, name: http.get(f"/oauth/logout?{urlencode({'client_id': name})}"),
    "form": lambda http, name: http.post("/oauth/revoke", data={"token": "x", "client_id": name, "client_secret": "x"}),
    "public": lambda http, name: http.post("/oauth/device", data={"client_id": name}),
    "basic": lambda http, name: http.post("/oauth/introspect", data={"token": "x"}, headers=_basic(name)),
    "registration": lambda http, name: http.get(
        f"/oauth/register/{quote(name, safe='')}", headers={"authorization": "Bearer x"}
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [NUL, "\0", HUGE, "电", "xc_ \n"])
def test_an_impossible_client_id_is_an_unknown_one(world: World, way: str, name: str) -> None:
    answer = WAYS[way](world.browser().http, name)
    assert answer.status_code in (400, 401), answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize("sub", [NUL, HALF, "a" + HALF, HUGE])
def test_an_impossible_subject_of_an_assertion_is_an_unknown_client(world: World, sub: str) -> None:
    assertion = jwt({"alg": ES256}, {"iss": sub, "sub": sub}, generate_key(ES256))
    fields = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": assertion}
    answer = world.browser().http.post("/oauth/token", data=fields)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("jti", [HALF, "a\0b", "a\u202eb"])
def test_the_name_of_an_assertion_can_be_kept(small_world: World, jti: str) -> None:
    prover = Prover(small_world)
    assert prover.send(prover.assertion(jti=jti)).status_code == 401
    assert prover.send(prover.assertion(jti="电-1")).status_code == 200


@pytest.mark.parametrize("sub", [NUL, HALF, "x" * 3_000, "电", ""])
def test_a_sub_that_nobody_can_have_is_nobodys(world: World, sub: str) -> None:
    browser = world.activate(world.person(), factor=False)
    wish = json.dumps({"id_token": {"sub": {"value": sub}}})
    page = browser.get(world.request(world.platform(), claims=wish, prompt="none"))
    assert answer_of(page)["error"] == "login_required"


@pytest.mark.parametrize(
    "members", [{HALF: "x"}, {"state": HALF}, {"claims": {"userinfo": {HALF: None}}}, {"authorization_details": [HALF]}]
)
def test_half_a_character_in_a_request_object_is_refused_wherever_it_stands(
    small_world: World, members: dict[str, Any]
) -> None:
    platform = SigningPlatform(small_world)
    claims = {**platform.parameters(), "iss": platform.client_id, "aud": small_world.issuer, **members}
    signed = jwt({"alg": ES256, "kid": platform.key.key_id}, claims, platform.key)
    assert "invalid_request_object" in error_page(small_world.browser().get(platform.address(request=signed)))


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/%2Fevil.example/x", "/%5Cevil.example/x", "/%2F%5Cevil.example"]
)
def test_no_page_links_to_a_foreign_host_by_its_own_path(small_world: World, path: str) -> None:
    page = small_world.browser().http.get(f"{small_world.issuer}{path}")
    assert page.status_code == 404
    links = [piece.split('"', 1)[0] for piece in page.text.split('href="')[1:]]
    assert any("lang=en" in link for link in links)
    assert not any("%25" in link for link in links)  # What was encoded once stays so.
    assert not any(link.startswith(("//", "/\\")) or "://" in link for link in links), links


VISIBLE = [
    "示范平台甲",
    "Demo platform A",
    "བོད་ལྗོངས་སློབ་གྲྭ",
    "ئۇيغۇر مەكتەپ",
    "École n° 5",
    "Ｘｉｎｊｉ",
    "数学（β 版）",
    "𠮷林",
]
HIDDEN = [
    "信籍\u202e",
    "信\u200b籍",
    "信籍\u3164",
    "\u2800",
    "信籍\ufe0f",
    "信籍\U000e0101",
    "a\u0301\u0337b",
    "信籍\0",
    "\u115f",
]
MIXED = ["Xinj\u0456", "\u0425inji 教育厅", "X\u03b9nji", "Ｘinj\u0456"]


@pytest.mark.parametrize("name", VISIBLE)
def test_names_in_the_scripts_of_the_country_are_taken(name: str) -> None:
    assert is_honest(name)


@pytest.mark.parametrize("name", HIDDEN)
def test_names_with_signs_that_cannot_be_seen_are_refused(small_world: World, name: str) -> None:
    assert not is_visible(name)
    with pytest.raises(InvalidClientMetadataError):
        small_world.platform(name)
    with pytest.raises(InvalidClientMetadataError):
        small_world.platform(owner=name)


@pytest.mark.parametrize("name", MIXED)
def test_names_of_mixed_alphabets_are_refused(small_world: World, name: str) -> None:
    assert not is_honest(name)
    assert error_of(Registrar(small_world).register(client_name=name)) == "invalid_client_metadata"


@pytest.mark.parametrize("field", ["name", "name_en", "owner_name", "purpose"])
def test_a_second_filing_hides_nothing_either(small_world: World, field: str) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person())
    client_id = at.file(developer)
    page = at.file_again(developer, client_id, **{field: "示范\u202e平台"})
    assert page.status_code == 422, page.text
    assert len(at.filings(small_world, client_id)) == 1


def test_a_reason_for_a_scope_hides_nothing(small_world: World) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person())
    developer.get("/developer/platforms/new")
    page = at.send(developer, "filing", **{**at.FILING, "need_aff": "按学校和年级分班\u202e布置相应的作业"})
    assert page.status_code == 422
    assert "platform_need" in page.text


def test_a_test_clients_mark_cannot_be_turned_around(small_world: World) -> None:
    developer = small_world.activate(small_world.person())
    made = at.make_test(developer)
    developer.get(f"/developer/clients/{made.client_id}/edit")
    page = at.send(developer, "test-client", **{**at.TEST_CLIENT, "name": "示范平台\u202e"})
    assert page.status_code == 422
    assert at.client_row(small_world, made.client_id).name == at.TEST_CLIENT["name"] + console.MARK


@pytest.mark.parametrize("purpose", ["核对”。信籍已核验此平台。“", '"', "「", "核对\u202e", "核对\0"])
def test_a_purpose_in_quotation_marks_stays_between_them(small_world: World, purpose: str) -> None:
    platform = small_world.platform(authorization_details_types=["xinji_data_sharing"])
    detail = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": purpose, "until": "2026-07-30"}
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(small_world.request(platform, authorization_details=json.dumps([detail])))
    assert answer_of(page)["error"] == "invalid_authorization_details"


def test_an_age_beyond_all_time_is_refused(small_world: World) -> None:
    registrar = Registrar(small_world)
    assert error_of(registrar.register(default_max_age=10**30)) == "invalid_client_metadata"
    platform = small_world.platform(default_max_age=999_999_999, redirect_uris=[CALLBACK])
    browser = small_world.activate(small_world.person(), factor=False)
    assert browser.get(small_world.request(platform)).status_code == 200
