"""Answers of the authorization endpoint: what they hold, how they travel, and where a token must never stand."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select

from crypto.jose import half_hash, peek, verify_jwt
from idp.oauth.authorization.jarm import TYP as ANSWER_TYP
from idp.oauth.authorization.response_modes import RESPONSE_MODES
from idp.oauth.clients.metadata import RESPONSE_TYPES
from idp.oauth.keys import ALGS
from idp.oauth.models import Grant, Token
from tests.integration.idp.conftest import CALLBACK, World
from tests.integration.idp.landing import FRONT, Visit, landing
from tests.integration.idp.plain_browser import BASE

NAMES = {"code": "code", "id_token": "id_token", "token": "access_token"}


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_each_type_answers_with_its_own_words(world: World, response_type: str) -> None:
    visit = Visit(world)
    answer = visit.ask(response_type=response_type)
    words = response_type.split()
    assert answer.way == ("query" if response_type == "code" else "fragment")
    assert answer.uri == CALLBACK
    expected = {NAMES[word] for word in words} | {"state", "iss"}
    if "token" in words:
        expected |= {"token_type", "expires_in", "scope"}
        assert answer.params["token_type"] == "Bearer"
        assert answer.params["expires_in"] == "3600"
        assert world.userinfo(answer.params["access_token"]).json()["name"] == visit.human.name
    assert set(answer.params) == expected
    if "id_token" in words:
        claims = answer.id_token
        assert (claims["nonce"], claims["iss"], claims["aud"]) == ("n-456", BASE, visit.platform.client_id)
        assert ("at_hash" in claims) == ("token" in words)
        assert ("c_hash" in claims) == ("code" in words)
        assert ("name" in claims) == (response_type == "id_token")
    if "code" in words:
        token = world.redeem(visit.platform, answer.params["code"]).json()
        assert "refresh_token" not in token
        if "id_token" in words:
            later = peek(token["id_token"])[1]
            for name in ("iss", "sub", "aud", "nonce", "auth_time", "sid"):
                assert later[name] == answer.id_token[name]


@pytest.mark.parametrize(("response_type", "mode"), [*product(RESPONSE_TYPES, RESPONSE_MODES)])
def test_no_combination_puts_a_token_into_a_query(small_world: World, response_type: str, mode: str) -> None:
    visit = Visit(small_world)
    answer = visit.ask(response_type=response_type, response_mode=mode)
    if response_type != "code":
        assert answer.way != "query"
        location = answer.page.headers.get("location", "")
        assert "token" not in location.partition("#")[0]
    if mode.startswith("query") and response_type != "code":
        told = answer.signed if "response" in answer.params else answer.params
        assert told["error"] == "invalid_request"
        assert not {"code", "id_token", "access_token"} & set(told)


@pytest.mark.parametrize("response_type", FRONT)
def test_what_was_not_registered_is_refused_in_the_fragment(small_world: World, response_type: str) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person(), factor=False)
    answer = landing(browser.get(small_world.request(platform, response_type=response_type)))
    assert (answer.way, answer.params["error"]) == ("fragment", "unauthorized_client")
    assert not {"code", "id_token", "access_token"} & set(answer.params)


def test_words_may_stand_in_any_order_but_not_twice(small_world: World) -> None:
    visit = Visit(small_world)
    assert "id_token" in visit.ask(response_type="id_token code").params
    assert "access_token" in visit.ask(response_type="token id_token").params
    for wrong in ("code code", "code  id_token", " code", "CODE", "none", "token", "code none"):
        assert visit.ask(response_type=wrong).params["error"] == "unsupported_response_type"


def test_hybrid_tokens_end_together_when_the_code_comes_twice(world: World) -> None:
    visit = Visit(world)
    answer = visit.ask(response_type="code token")
    token = world.redeem(visit.platform, answer.params["code"]).json()
    assert world.userinfo(answer.params["access_token"]).status_code == 200
    assert world.redeem(visit.platform, answer.params["code"]).status_code == 400
    for access in (answer.params["access_token"], token["access_token"]):
        assert world.userinfo(access).status_code == 401


def test_an_implicit_grant_has_no_code_that_anybody_could_use(small_world: World) -> None:
    visit = Visit(small_world)
    visit.ask(response_type="id_token token", scope="openid profile offline_access")
    with small_world.database.read() as session:
        grant = session.scalars(select(Grant)).one()
        assert grant.offline is False
        assert grant.code_expires_at <= small_world.clock.now()
        assert session.scalars(select(Token)).one().refresh_hash is None


def test_an_id_token_alone_leaves_no_grant(small_world: World) -> None:
    visit = Visit(small_world)
    visit.ask(response_type="id_token")
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Grant)) == 0


def test_tokens_in_jwt_form_come_by_the_browser_too(small_world: World) -> None:
    visit = Visit(small_world, xinji_access_token_format="jwt")
    answer = visit.ask(response_type="code id_token token")
    header, claims = peek(answer.params["access_token"])
    assert (header["typ"], claims["client_id"]) == ("at+jwt", visit.platform.client_id)
    assert answer.id_token["at_hash"] == half_hash("RS256", answer.params["access_token"])
    assert small_world.userinfo(answer.params["access_token"]).status_code == 200


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256", "SGD_SM3_SM2"])
def test_half_hashes_follow_the_registered_algorithm(small_world: World, alg: str) -> None:
    answer = Visit(small_world, id_token_signed_response_alg=alg).ask(response_type="code id_token token")
    claims = answer.id_token
    assert claims["at_hash"] == half_hash(alg, answer.params["access_token"])
    assert claims["c_hash"] == half_hash(alg, answer.params["code"])


@pytest.mark.parametrize("changes", [{"dpop_bound_access_tokens": True}])
def test_bound_platforms_get_no_token_by_the_browser(small_world: World, changes: dict[str, Any]) -> None:
    visit = Visit(small_world, **changes)
    assert visit.ask(response_type="id_token token").params["error"] == "unauthorized_client"
    assert "code" in visit.ask(response_type="code id_token").params


def test_form_post_escapes_what_the_platform_sends(small_world: World) -> None:
    visit = Visit(small_world, redirect_uris=[f"{CALLBACK}?a=1&b=%22%3E%3Cscript%3E"])
    uri = f"{CALLBACK}?a=1&b=%22%3E%3Cscript%3E"
    nasty = "\"><script>alert(1)</script><input name='x' value='"
    answer = visit.ask(response_type="code", response_mode="form_post", state=nasty, redirect_uri=uri)
    assert (answer.way, answer.uri, answer.params["state"]) == ("form_post", uri, nasty)
    assert "<script>alert" not in answer.page.text
    assert answer.page.text.count("<script") == 1
    policy = answer.page.headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:8001;" in policy
    assert "script-src 'self';" in policy
    assert answer.page.headers["cache-control"] == "no-store"
    assert 'type="submit"' in answer.page.text


@pytest.mark.parametrize("mode", ["form_post", "form_post.jwt", "fragment", "fragment.jwt", "query.jwt", "jwt"])
def test_refusals_go_the_way_that_was_asked_for(small_world: World, mode: str) -> None:
    visit = Visit(small_world)
    answer = visit.ask(response_mode=mode, prompt="none", scope="openid eid")
    told = answer.signed if mode.endswith("jwt") else answer.params
    assert (told["error"], told["state"], told["iss"]) == ("consent_required", "s-123", BASE)
    assert answer.way == {"jwt": "query"}.get(mode, mode.partition(".")[0])


def test_a_refusing_person_is_told_by_form_too(small_world: World) -> None:
    visit = Visit(small_world)
    visit.browser.get(small_world.request(visit.platform, response_mode="form_post"))
    answer = landing(visit.browser.submit("consent", decision="deny"))
    assert (answer.way, answer.params["error"]) == ("form_post", "access_denied")


@pytest.mark.parametrize("alg", [None, "ES256", "SGD_SM3_SM2"])
def test_signed_answers_are_for_one_platform_and_ten_minutes(small_world: World, alg: str | None) -> None:
    visit = Visit(small_world, authorization_signed_response_alg=alg)
    text = visit.ask(response_mode="jwt").params["response"]
    claims = verify_jwt(text, small_world.idp.keys.public(), typ=ANSWER_TYP, algs=ALGS)
    assert peek(text)[0]["alg"] == (alg or "RS256")
    assert claims["aud"] == visit.platform.client_id
    assert claims["exp"] - small_world.clock.now().timestamp() <= 600
    assert {"code", "state", "iss"} <= set(claims)


def test_a_signed_answer_is_no_hint_of_a_person(small_world: World) -> None:
    visit = Visit(small_world)
    text = visit.ask(response_mode="jwt").params["response"]
    assert visit.browser.get(f"/oauth/logout?id_token_hint={text}").status_code == 400
    assert visit.ask(id_token_hint=text, prompt="none").params["error"] != ""


def test_a_huge_state_is_refused_and_not_echoed(small_world: World) -> None:
    visit = Visit(small_world)
    for mode in ("query", "fragment", "form_post", "jwt"):
        answer = visit.ask(response_mode=mode, state="s" * 2_001)
        told = answer.signed if mode == "jwt" else answer.params
        assert told["error"] == "invalid_request"


def test_a_code_is_worth_nothing_elsewhere(small_world: World) -> None:
    """Code injection: into another client, another redirect_uri, another browser's session (PKCE)."""
    visit = Visit(small_world, redirect_uris=[CALLBACK, "http://127.0.0.1:8001/other"])
    other = small_world.platform(name="别家")
    code = visit.ask(response_type="code id_token").params["code"]
    assert small_world.redeem(other, code).json()["error"] == "invalid_grant"
    wrong = small_world.redeem(visit.platform, code, redirect_uri="http://127.0.0.1:8001/other")
    assert wrong.json()["error"] == "invalid_grant"
    assert small_world.redeem(visit.platform, code, code_verifier="x" * 64).json()["error"] == "invalid_grant"
    assert small_world.redeem(visit.platform, code, code_verifier=None).status_code == 400


def test_consent_cannot_be_forged_from_another_site(small_world: World) -> None:
    visit = Visit(small_world)
    visit.browser.get(small_world.request(visit.platform, response_type="code id_token token"))
    action = visit.browser.form("consent").action
    answer = visit.browser.http.post(action, data={"decision": "allow"})
    assert answer.status_code == 403
    assert "location" not in answer.headers


def test_tokens_by_the_browser_end_in_time(small_world: World) -> None:
    visit = Visit(small_world)
    access = visit.ask(response_type="id_token token").params["access_token"]
    small_world.clock.move(timedelta(seconds=3_601))
    assert small_world.userinfo(access).status_code == 401
