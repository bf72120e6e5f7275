"""The authorization code flow over HTTP, and what must not work in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select

from crypto.jose import half_hash, peek, verify_jwt
from idp.oauth.models import Client, Grant, PairwiseSub, Token
from kernel.audit import AuditEvent
from tests.integration.idp.conftest import CALLBACK, PASSWORD, SCHOOL, World, answer_of
from tests.integration.idp.plain_browser import BASE


def tokens(world: World, **changes: str | None) -> tuple[Any, dict[str, Any]]:
    """Return a platform and what it got for a person who just signed in."""
    platform = world.platform()
    browser = world.activate(world.person())
    answer = world.redeem(platform, world.code(platform, browser, **changes))
    assert answer.status_code == 200, answer.text
    return platform, answer.json()


def test_a_stranger_signs_in_consents_and_the_platform_gets_its_claims(world: World) -> None:
    platform = world.platform()
    human = world.person()
    world.activate(human)
    browser = world.browser()
    page = browser.get(world.request(platform, scope="openid profile eid aff"))
    assert page.request.url.path == "/signin"
    assert "示范平台甲" in page.text
    assert "示范单位" in page.text
    world.fill_in(human, browser)
    assert "同意" in browser.page.text
    assert human.name in browser.page.text
    answer = answer_of(browser.submit("consent", decision="allow"))
    assert answer["state"] == "s-123"
    assert answer["iss"] == BASE
    token = world.redeem(platform, answer["code"]).json()
    assert token["token_type"] == "Bearer"
    assert "refresh_token" not in token
    keys = KeySet.import_key_set(world.browser().http.get("/oauth/jwks.json").json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == BASE
    assert claims["aud"] == platform.client_id
    assert claims["nonce"] == "n-456"
    assert claims["acr"] == "urn:xinji:acr:2fa"
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["at_hash"] == half_hash("RS256", token["access_token"])
    assert claims["auth_time"] == int(world.clock.now().timestamp())
    told = world.userinfo(token["access_token"]).json()
    assert told == {
        "sub": claims["sub"],
        "name": human.name,
        "age_band": "18+",
        "loa": "L0",
        "eid": human.eid,
        "school_code": SCHOOL,
        "aff": [{"school": SCHOOL, "role": "student", "status": "01", "grade": "2022", "since": "2022-09-01"}],
    }
    assert "name" not in claims


def test_the_second_platform_asks_no_password_and_knows_another_sub(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    subs = []
    for uri in ("https://a.example.edu.cn/cb", "https://b.example.edu.cn/cb"):
        platform = world.platform(redirect_uris=[uri])
        page = browser.get(world.request(platform, redirect_uri=uri))
        assert page.request.url.path == "/oauth/authorize"
        page = browser.submit("consent", decision="allow")
        code = dict(parse_qsl(urlsplit(page.headers["location"]).query))["code"]
        token = world.redeem(platform, code, redirect_uri=uri).json()
        subs.append(peek(token["id_token"])[1]["sub"])
    assert len(set(subs)) == 2
    assert human.eid not in "".join(subs)
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PairwiseSub)) == 2


def test_consent_is_asked_once_and_again_for_more(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    world.code(platform, browser)
    assert browser.get(world.request(platform)).status_code == 303
    assert browser.get(world.request(platform, scope="openid")).status_code == 303
    assert browser.get(world.request(platform, scope="openid profile eid")).status_code == 200


def test_a_refusal_goes_back_to_the_platform_and_is_not_remembered(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    browser.get(world.request(platform))
    answer = answer_of(browser.submit("consent", decision="deny"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s-123", BASE)
    assert browser.get(world.request(platform)).status_code == 200


def test_a_code_works_once_and_its_reuse_revokes_what_it_gave(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    code = world.code(platform, browser, scope="openid profile offline_access")
    token = world.redeem(platform, code).json()
    assert world.userinfo(token["access_token"]).status_code == 200
    again = world.redeem(platform, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert world.userinfo(token["access_token"]).status_code == 401
    assert world.refresh(platform, token["refresh_token"]).json()["error"] == "invalid_grant"
    with world.database.read() as session:
        assert session.scalars(select(AuditEvent).where(AuditEvent.action == "grant.revoke")).one().detail == {
            "reason": "code_reuse"
        }


def test_a_code_lives_sixty_seconds(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser)
    small_world.clock.move(timedelta(seconds=60))
    assert small_world.redeem(platform, code).json()["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_platform_and_a_thief_does_not_spoil_it(small_world: World) -> None:
    platform, thief = small_world.platform(), small_world.platform(name="贼")
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser)
    assert small_world.redeem(thief, code).json()["error"] == "invalid_grant"
    assert small_world.redeem(platform, code).status_code == 200


@pytest.mark.parametrize("uri", [None, f"{CALLBACK}/", f"{CALLBACK}?x=1", "http://127.0.0.1:8002/callback", "电"])
def test_the_redirect_uri_at_the_token_endpoint_must_be_the_same(small_world: World, uri: str | None) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    answer = small_world.redeem(platform, small_world.code(platform, browser), redirect_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"redirect_uri": "https://evil.example/callback"}, 400),
        ({"redirect_uri": f"{CALLBACK}/"}, 400),
        ({"redirect_uri": CALLBACK.upper()}, 400),
        ({"redirect_uri": f"{CALLBACK}#x"}, 400),
        ({"redirect_uri": "电"}, 400),
        ({"redirect_uri": None}, 400),
        ({"client_id": "nobody"}, 400),
        ({"client_id": None}, 400),
        ({"client_id": "x" * 5_000}, 400),
    ],
)
def test_a_wrong_client_or_redirect_uri_gets_a_page_and_no_redirect(
    small_world: World, changes: dict[str, str | None], status: int
) -> None:
    platform = small_world.platform()
    page = small_world.browser().get(small_world.request(platform, **changes))
    assert page.status_code == status
    assert "location" not in page.headers
    assert "text/html" in page.headers["content-type"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request_object"),
        ({"request_uri": "http://127.0.0.1:9/x"}, "invalid_request_uri"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "电" * 43}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "９"}, "invalid_request"),
        ({"nonce": "n" * 3_000}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"id_token_hint": "a.b.c", "prompt": "none"}, "login_required"),
    ],
)
def test_other_mistakes_go_back_to_the_platform_in_ascii(
    small_world: World, changes: dict[str, str | None], error: str
) -> None:
    platform = small_world.platform()
    answer = answer_of(small_world.browser().get(small_world.request(platform, **changes)))
    assert answer["error"] == error
    assert answer["error_description"].isascii()
    assert (answer["state"], answer["iss"]) == ("s-123", BASE)


def test_a_repeated_parameter_is_refused(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.browser()
    assert answer_of(browser.get(small_world.request(platform) + "&scope=openid"))["error"] == "invalid_request"
    assert browser.get(small_world.request(platform) + f"&redirect_uri={CALLBACK}").status_code == 400
    assert browser.get(small_world.request(platform) + f"&client_id={platform.client_id}").status_code == 400


def test_unknown_parameters_and_scopes_are_ignored(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser, foo="bar", scope="openid unheard_of", display="page", ui_locales="zh")
    assert small_world.redeem(platform, code).json()["scope"] == "openid"


def test_the_state_comes_back_as_it_was_and_only_if_it_was_there(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.browser()
    odd = "电 &=+%\u20000\"'<script>"
    assert answer_of(browser.get(small_world.request(platform, state=odd, prompt="none")))["state"] == odd
    assert "state" not in answer_of(browser.get(small_world.request(platform, state=None, prompt="none")))


@pytest.mark.parametrize("verifier", [None, "w" * 64, "short", "v" * 129, "电" * 64])
def test_a_challenge_once_sent_is_enforced(small_world: World, verifier: str | None) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    answer = small_world.redeem(platform, small_world.code(platform, browser), code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


def test_a_platform_registered_without_pkce_may_do_without_but_not_be_downgraded(small_world: World) -> None:
    platform = small_world.platform(require_pkce=False)
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser, code_challenge=None, code_challenge_method=None)
    # RFC 9700 §2.1.1: a verifier where no challenge was sent is an injected code.
    assert small_world.redeem(platform, code).json()["error"] == "invalid_request"
    code = small_world.code(platform, browser, code_challenge=None, code_challenge_method=None)
    assert small_world.redeem(platform, code, code_verifier=None).status_code == 200
    code = small_world.code(platform, browser)
    assert small_world.redeem(platform, code, code_verifier=None).status_code == 400


def test_a_public_client_cannot_be_without_pkce(small_world: World) -> None:
    platform = small_world.platform(token_endpoint_auth_method="none", require_pkce=False)
    assert platform.client_secret is None
    browser = small_world.activate(small_world.person())
    without = small_world.request(platform, code_challenge=None, code_challenge_method=None)
    assert answer_of(browser.get(without))["error"] == "invalid_request"
    assert small_world.redeem(platform, small_world.code(platform, browser)).status_code == 200


def test_prompt_none_answers_at_once_or_says_what_is_missing(world: World) -> None:
    platform = world.platform()
    human = world.person()
    browser = world.activate(human)
    assert answer_of(browser.get(world.request(platform, prompt="none")))["error"] == "consent_required"
    world.code(platform, browser)
    assert "code" in answer_of(browser.get(world.request(platform, prompt="none")))
    world.clock.move(timedelta(seconds=100))
    assert answer_of(browser.get(world.request(platform, prompt="none", max_age="50")))["error"] == "login_required"
    assert "code" in answer_of(browser.get(world.request(platform, prompt="none", max_age="1000")))


def test_prompt_login_wants_a_sign_in_after_the_request_whatever_the_address_says(world: World) -> None:
    platform = world.platform()
    human = world.person()
    browser = world.activate(human)
    world.code(platform, browser)
    before = world.clock.now()
    world.clock.move(timedelta(seconds=30))
    page = browser.get(world.request(platform, prompt="login"))
    assert page.request.url.path == "/signin"
    back = dict(parse_qsl(urlsplit(str(page.request.url)).query))["next"]
    assert browser.get(back).request.url.path == "/signin"  # Going back without signing in does not help.
    stripped = urlencode([pair for pair in parse_qsl(urlsplit(back).query) if pair[0] != "xinji_ticket"])
    assert browser.get(f"/oauth/authorize?{stripped}").request.url.path == "/signin"
    world.fill_in(human, browser)
    token = world.redeem(platform, answer_of(browser.page)["code"]).json()
    assert peek(token["id_token"])[1]["auth_time"] > int(before.timestamp())


def test_max_age_zero_signs_in_once_and_does_not_loop(small_world: World) -> None:
    platform = small_world.platform()
    human = small_world.person()
    browser = small_world.activate(human)
    small_world.code(platform, browser)
    small_world.clock.move(timedelta(seconds=1))
    assert browser.get(small_world.request(platform, max_age="0")).request.url.path == "/signin"
    small_world.fill_in(human, browser)
    assert "code" in answer_of(browser.page)


def test_a_platforms_default_max_age_counts(small_world: World) -> None:
    platform = small_world.platform(default_max_age=60)
    human = small_world.person()
    browser = small_world.activate(human)
    small_world.code(platform, browser)
    small_world.clock.move(timedelta(seconds=61))
    assert browser.get(small_world.request(platform)).request.url.path == "/signin"


def test_a_ticket_of_another_request_does_not_help(small_world: World) -> None:
    platform = small_world.platform()
    human = small_world.person()
    browser = small_world.activate(human)
    small_world.code(platform, browser)
    page = browser.get(small_world.request(platform, prompt="login", state="one"))
    ticket = dict(parse_qsl(urlsplit(page.request.url.params["next"]).query))["xinji_ticket"]
    small_world.sign_in(human, browser)
    other = small_world.request(platform, prompt="login", state="two", xinji_ticket=ticket)
    assert browser.get(other).request.url.path == "/signin"
    forged = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    same = small_world.request(platform, prompt="login", state="one", xinji_ticket=forged)
    assert browser.get(same).request.url.path == "/signin"
    same = small_world.request(platform, prompt="login", state="one", xinji_ticket=ticket)
    assert "code" in answer_of(browser.get(same))


def test_prompt_consent_asks_again(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    small_world.code(platform, browser)
    assert browser.get(small_world.request(platform, prompt="consent")).status_code == 200
    assert "code" in answer_of(browser.submit("consent", decision="allow"))


def test_select_account_goes_on_as_the_same_or_another_person(small_world: World) -> None:
    platform = small_world.platform()
    human, other = small_world.person(), small_world.person("韩梅梅")
    small_world.activate(other)
    browser = small_world.activate(human)
    small_world.code(platform, browser)
    page = browser.get(small_world.request(platform, prompt="select_account"))
    assert human.name in page.text
    assert "code" in answer_of(browser.submit("choose-account", decision="continue"))
    browser.get(small_world.request(platform, prompt="select_account"))
    assert browser.submit("choose-account", decision="other").request.url.path == "/signin"
    small_world.fill_in(other, browser)
    assert other.name in browser.page.text


def test_an_id_token_hint_of_somebody_else_does_not_sign_this_one_in(small_world: World) -> None:
    platform = small_world.platform()
    human, other = small_world.person(), small_world.person("韩梅梅")
    first = small_world.activate(other)
    hint = small_world.redeem(platform, small_world.code(platform, first)).json()["id_token"]
    browser = small_world.activate(human)
    small_world.code(platform, browser)
    with_hint = small_world.request(platform, id_token_hint=hint, prompt="none")
    assert answer_of(browser.get(with_hint))["error"] == "login_required"
    assert "code" in answer_of(first.get(with_hint))
    assert browser.get(small_world.request(platform, id_token_hint=hint)).request.url.path == "/signin"
    small_world.fill_in(human, browser)
    assert answer_of(browser.page)["error"] == "login_required"
    broken = small_world.request(platform, id_token_hint=hint[:-2])
    assert answer_of(browser.get(broken))["error"] == "invalid_request"


def test_the_request_may_come_as_a_form(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    small_world.code(platform, browser)
    query = dict(parse_qsl(urlsplit(small_world.request(platform)).query))
    assert "code" in answer_of(browser.post("/oauth/authorize", query))


def test_the_callbacks_own_query_stays(small_world: World) -> None:
    uri = f"{CALLBACK}?tenant=%E9%83%91&x="
    platform = small_world.platform(redirect_uris=[uri])
    page = small_world.browser().get(small_world.request(platform, redirect_uri=uri, prompt="none"))
    assert page.headers["location"].startswith(f"{uri}&error=login_required&")


def test_a_child_under_fourteen_cannot_consent_alone(small_world: World) -> None:
    platform = small_world.platform()
    young = small_world.clock.now().date().replace(year=2014)
    browser = small_world.activate(small_world.person("小明", born=young))
    page = browser.get(small_world.request(platform))
    assert 'id="allow"' not in page.text
    form = browser.form("consent")
    forced = browser.http.post(form.action, data={**form.fields, "decision": "allow"})
    assert forced.status_code == 403
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Grant)) == 0
    assert answer_of(browser.submit("consent", decision="deny"))["error"] == "access_denied"


@pytest.mark.parametrize("alg", ["RS256", "ES256", "SGD_SM3_SM2"])
def test_id_tokens_are_signed_as_the_platform_registered(small_world: World, alg: str) -> None:
    platform = small_world.platform(id_token_signed_response_alg=alg)
    browser = small_world.activate(small_world.person())
    token = small_world.redeem(platform, small_world.code(platform, browser)).json()
    assert peek(token["id_token"])[0]["alg"] == alg
    claims = verify_jwt(token["id_token"], small_world.idp.keys.public(), typ="JWT", algs=[alg])
    assert claims["at_hash"] == half_hash(alg, token["access_token"])
    path = "/jwks-gm.json" if alg == "SGD_SM3_SM2" else "/oauth/jwks.json"
    published = small_world.browser().http.get(path).json()["keys"]
    assert peek(token["id_token"])[0]["kid"] in {key["kid"] for key in published}


@pytest.mark.parametrize(
    ("headers", "fields", "status", "error"),
    [
        ({}, {"client_id": "x", "client_secret": "y"}, 401, "invalid_client"),
        ({"authorization": "Basic ###"}, {}, 401, "invalid_client"),
        ({"authorization": "Basic /////w=="}, {}, 401, "invalid_client"),
        ({"authorization": "Basic eDp5"}, {"client_secret": "y"}, 400, "invalid_request"),
        ({}, {"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        ({}, {"grant_type": "电"}, 400, "unsupported_grant_type"),
        ({}, {"grant_type": ""}, 400, "invalid_request"),
        ({"content-type": "application/json"}, {}, 400, "invalid_request"),
    ],
)
def test_the_token_endpoint_refuses_in_the_words_of_rfc_6749(
    small_world: World, headers: dict[str, str], fields: dict[str, str], status: int, error: str
) -> None:
    data = {"grant_type": "authorization_code", "code": "c", **fields}
    answer = small_world.browser().http.post("/oauth/token", data=data, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.isascii()
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_wrong_secret_and_an_unknown_client_are_answered_alike(small_world: World) -> None:
    platform = small_world.platform()
    http = small_world.browser().http
    answers = [
        http.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": "r"}, auth=auth)
        for auth in ((platform.client_id, "wrong"), ("nobody", "wrong"))
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].status_code == answers[1].status_code == 401


def test_a_huge_or_repeated_token_request_is_refused(small_world: World) -> None:
    http = small_world.browser().http
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert http.post("/oauth/token", content=b"a=" + b"x" * 70_000, headers=form).status_code == 413
    repeated = http.post("/oauth/token", content=b"grant_type=a&grant_type=b", headers=form)
    assert repeated.json()["error"] == "invalid_request"
    many = http.post("/oauth/token", content=b"&".join(b"a%d=b" % n for n in range(99)), headers=form)
    assert many.json()["error"] == "invalid_request"


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic x", "Bearer  " + "y" * 5_000])
def test_userinfo_wants_a_good_bearer_token(small_world: World, header: str | None) -> None:
    answer = small_world.browser().http.get("/oauth/userinfo", headers={"authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_userinfo_takes_the_token_from_a_form_but_never_from_the_query(small_world: World) -> None:
    _, token = tokens(small_world)
    http = small_world.browser().http
    access = token["access_token"]
    assert http.post("/oauth/userinfo", data={"access_token": access}).status_code == 200
    assert http.get("/oauth/userinfo", params={"access_token": access}).status_code == 401
    both = http.post("/oauth/userinfo", data={"access_token": access}, headers={"authorization": f"Bearer {access}"})
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


def test_an_access_token_ends_after_an_hour(small_world: World) -> None:
    _, token = tokens(small_world)
    small_world.clock.move(timedelta(minutes=59))
    assert small_world.userinfo(token["access_token"]).status_code == 200
    small_world.clock.move(timedelta(minutes=1))
    assert small_world.userinfo(token["access_token"]).status_code == 401


def test_signing_out_ends_tokens_without_offline_access_and_leaves_the_others(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    online = world.redeem(platform, world.code(platform, browser)).json()
    offline = world.redeem(platform, world.code(platform, browser, scope="openid offline_access")).json()
    browser.get("/signout")
    browser.submit("signout")
    assert world.userinfo(online["access_token"]).status_code == 401
    assert world.userinfo(offline["access_token"]).status_code == 200


def test_withdrawing_consent_ends_every_token_of_the_platform(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    token = world.redeem(platform, world.code(platform, browser, scope="openid profile offline_access")).json()
    page = browser.get("/account")
    assert "示范平台甲" in page.text
    browser.post(
        f"/account/platforms/{platform.client_id}/withdraw",
        {"csrf_token": browser.forms()[0].fields["csrf_token"]},
    )
    assert "示范平台甲" not in browser.get("/account").text
    assert world.userinfo(token["access_token"]).status_code == 401
    assert world.refresh(platform, token["refresh_token"]).json()["error"] == "invalid_grant"
    assert browser.get(world.request(platform)).status_code == 200


def test_revocation_and_introspection(world: World) -> None:
    platform, other = world.platform(), world.platform(name="别家")
    browser = world.activate(world.person())
    token = world.redeem(platform, world.code(platform, browser, scope="openid profile offline_access")).json()
    access, refresh = token["access_token"], token["refresh_token"]
    told = world.post(platform, "/oauth/introspect", {"token": access}).json()
    assert told["active"] is True
    assert told["client_id"] == platform.client_id
    assert told["scope"] == "openid profile offline_access"
    assert told["exp"] - told["iat"] == 3_600
    assert world.post(other, "/oauth/introspect", {"token": access}).json() == {"active": False}
    assert world.post(platform, "/oauth/introspect", {"token": "x"}).json() == {"active": False}
    assert world.post(other, "/oauth/revoke", {"token": access}).json()["error"] == "invalid_grant"
    assert world.post(platform, "/oauth/revoke", {"token": "x"}).status_code == 200
    assert world.post(platform, "/oauth/revoke", {"token": access}).status_code == 200
    assert world.userinfo(access).status_code == 401
    fresh = world.refresh(platform, refresh).json()
    hinted = {"token": fresh["refresh_token"], "token_type_hint": "access_token"}
    assert world.post(platform, "/oauth/revoke", hinted).status_code == 200
    assert world.userinfo(fresh["access_token"]).status_code == 401
    assert world.post(platform, "/oauth/introspect", {"token": fresh["refresh_token"]}).json() == {"active": False}


def test_a_blocked_platform_is_out_within_ten_seconds(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    small_world.code(platform, browser)
    with small_world.database.write() as session:
        session.get_one(Client, platform.client_id).state = "blocked"
    small_world.clock.move(timedelta(seconds=11))
    assert browser.get(small_world.request(platform)).status_code == 400


def test_only_keyed_hashes_of_codes_and_tokens_are_stored(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser, scope="openid offline_access")
    token = small_world.redeem(platform, code).json()
    cookie = browser.cookie("xinji_session")
    dump = "\n".join(small_world.database.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]
    for secret in (code, token["access_token"], token["refresh_token"], cookie, platform.client_secret, PASSWORD):
        assert secret
        assert secret not in dump
        assert secret.encode().hex() not in dump


def test_the_discovery_document_names_what_there_is(small_world: World) -> None:
    http = small_world.browser().http
    told = http.get("/.well-known/openid-configuration").json()
    assert told["issuer"] == BASE
    for name in ("jwks_uri", "gm_jwks_uri"):
        answer = http.get(told[name].removeprefix(BASE))
        assert answer.status_code == 200
        assert "max-age" in answer.headers["cache-control"]
        assert all("d" not in key for key in answer.json()["keys"])
    assert {key["alg"] for key in http.get("/oauth/jwks.json").json()["keys"]} == {"RS256", "PS256", "ES256", "EdDSA"}
    assert {key["alg"] for key in http.get("/jwks-gm.json").json()["keys"]} == {"SGD_SM3_SM2"}


def test_two_redemptions_leave_nothing_alive(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    code = world.code(platform, browser)
    first = world.redeem(platform, code).json()
    assert world.redeem(platform, code).status_code == 400
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Token)) == 1
    assert world.userinfo(first["access_token"]).status_code == 401
