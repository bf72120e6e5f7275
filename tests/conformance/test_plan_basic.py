"""The modules of the official Basic, Implicit, Hybrid and Form Post plans, as docs/certification.md lists them.

The official suite itself was not run; each test does what its module does, over our pages.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crypto.encoding import b64u
from crypto.hashes import sha256
from idp.levels import ACR_VALUES
from tests.conformance.relying import CALLBACK, PLANS, Relying, somebody
from tests.integration.idp.conftest import VERIFIER, World
from tests.integration.idp.landing import landing

Plan = tuple[str, str | None]
SOME_PLANS = (("code", None), ("code", "form_post"), ("id_token", None), ("code id_token token", None))
CODE_PLANS = (("code", None), ("code", "form_post"), ("code id_token token", None))


def id_token(party: Relying, **changes: Any) -> dict[str, Any]:
    """Return the claims of an ID token, from wherever the response type gives one."""
    nonce = changes.setdefault("nonce", "n-1")
    landed = party.ask(**changes)
    if "id_token" in landed.params:
        params = landed.params
        claims = party.told(params["id_token"], nonce=nonce, code=params.get("code"), access=params.get("access_token"))
        if "code" not in params:
            return dict(claims)
    answer = party.redeem(landed.params["code"]).json()
    return dict(party.told(answer["id_token"], nonce=nonce, access=answer["access_token"]))


@pytest.mark.parametrize("plan", PLANS)
def test_oidcc_server(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    landed = party.ask(nonce="n-1")
    wanted = {"code", "id_token", "access_token"} & {
        {"token": "access_token"}.get(word, word) for word in plan[0].split()
    }
    assert {"code", "id_token", "access_token"} & landed.params.keys() == wanted
    if "access_token" in wanted:
        assert landed.params["token_type"].lower() == "bearer"
        assert int(landed.params["expires_in"]) > 0
        assert party.userinfo(landed.params["access_token"]).status_code == 200
    first = None
    if "id_token" in wanted:
        first = party.told(
            landed.params["id_token"],
            nonce="n-1",
            code=landed.params.get("code"),
            access=landed.params.get("access_token"),
        )
    if "code" in wanted:
        answer = party.redeem(landed.params["code"])
        body = answer.json()
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert body["token_type"].lower() == "bearer"
        assert isinstance(body["expires_in"], int)
        second = party.told(body["id_token"], nonce="n-1", access=body["access_token"])
        assert first is None or (first["iss"], first["sub"]) == (second["iss"], second["sub"])
        told = party.userinfo(body["access_token"])
        assert told.headers["content-type"].partition(";")[0] == "application/json"
        assert told.json()["sub"] == second["sub"]


@pytest.mark.parametrize("plan", CODE_PLANS)
def test_oidcc_server_client_secret_post(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan, token_endpoint_auth_method="client_secret_post")
    assert party.told(party.tokens(nonce="n-1")["id_token"], nonce="n-1")


@pytest.mark.parametrize("plan", [*SOME_PLANS, ("code id_token", None)])
def test_oidcc_response_type_missing(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    page = party.visit(response_type=None, response_mode=None, state="s-1")
    answer = dict(parse_qsl(urlsplit(page.headers["location"]).query))  # In the query: no type was named.
    assert page.headers["location"].startswith(CALLBACK + "?")
    assert (answer["error"], answer["state"]) == ("invalid_request", "s-1")
    assert answer.keys() <= {"error", "error_description", "error_uri", "state", "iss"}


@pytest.mark.parametrize("plan", [*CODE_PLANS, ("id_token token", None)])
def test_oidcc_userinfo_by_get_by_post_with_a_header_and_by_post_with_a_body(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    access = party.access()
    http, path = small_world.browser().http, party.at("userinfo_endpoint")
    header = {"authorization": f"Bearer {access}"}
    answers = [
        http.get(path, headers=header),
        http.post(path, headers=header),
        http.post(path, data={"access_token": access}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert answer.json() == answers[0].json()
        assert None not in answer.json().values()


@pytest.mark.parametrize("plan", PLANS)
def test_oidcc_ensure_request_without_nonce(small_world: World, plan: Plan) -> None:
    """It succeeds where no ID token comes by the browser, and fails where one would."""
    party = Relying(small_world, *plan)
    if "id_token" in plan[0].split():
        page = party.visit(nonce=None, state="s-1")
        landed = landing(page)
        assert (landed.way, landed.params["error"], landed.params["state"]) == ("fragment", "invalid_request", "s-1")
    else:
        assert party.told(party.tokens(nonce=None)["id_token"], nonce=None)


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_scope_profile(small_world: World, plan: Plan) -> None:
    """Claims of the scope are at userinfo, or in the ID token where nothing opens userinfo."""
    party = Relying(small_world, *plan)
    if plan[0] == "id_token":
        assert id_token(party, scope="openid profile")["name"] == party.human.name
        return
    told = party.userinfo(party.access(scope="openid profile")).json()
    assert told["name"] == party.human.name


def test_oidcc_scopes_email_address_phone_are_not_announced(small_world: World) -> None:
    """Their modules are skipped then; asked for all the same they are no error and tell nothing."""
    party = Relying(small_world)
    assert {"email", "address", "phone"}.isdisjoint(party.metadata["scopes_supported"])
    body = party.tokens(scope="openid profile email address phone")
    assert body["scope"] == "openid profile"  # RFC 6749 §5.1: said where it is not what was asked for.
    assert {"email", "address", "phone_number"}.isdisjoint(party.userinfo(body["access_token"]).json())


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_requests_that_ask_for_nothing_special_succeed(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    for changes in (
        {"scope": "profile openid"},  # ensure-other-scope-order
        {"display": "page"},
        {"display": "popup"},
        {"extra": "foobar"},  # ensure-request-with-unknown-parameter
        {"ui_locales": "se"},
        {"claims_locales": "se"},
        {"login_hint": "buffy@suite.example"},
    ):
        assert id_token(party, **changes)["sub"]


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_prompt_login(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    first = id_token(party, max_age=15_000)
    small_world.clock.move(timedelta(seconds=2))
    page = party.visit(prompt="login", nonce="n-2", max_age=15_000)
    assert [form.id for form in party.browser.forms()][-1] == "signin"
    landed = party.through(page)
    token = landed.params.get("id_token") or party.redeem(landed.params["code"]).json()["id_token"]
    second = party.told(token, nonce="n-2", code=landed.params.get("code") if "id_token" in landed.params else None)
    assert second["sub"] == first["sub"]
    assert second["auth_time"] > first["auth_time"]


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_prompt_none_not_logged_in(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    landed = party.ask(prompt="none")
    assert landed.params["error"] in {"login_required", "interaction_required"}
    assert landed.params.keys() <= {"error", "error_description", "error_uri", "state", "iss"}


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_prompt_none_logged_in_and_id_token_hint(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    landed = party.ask(nonce="n-1")
    hint = landed.params.get("id_token") or party.redeem(landed.params["code"]).json()["id_token"]
    first = party.told(hint, nonce="n-1", code=landed.params.get("code") if "id_token" in landed.params else None)
    for more in ({}, {"id_token_hint": hint}):
        page = party.visit(prompt="none", nonce="n-2", **more)
        landed = landing(page)  # At once: no page between.
        token = landed.params.get("id_token") or party.redeem(landed.params["code"]).json()["id_token"]
        second = party.told(token, nonce="n-2", code=landed.params.get("code") if "id_token" in landed.params else None)
        assert second["sub"] == first["sub"]
        assert second.get("auth_time") == first.get("auth_time")


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_max_age_1(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    first = id_token(party)
    small_world.clock.move(timedelta(seconds=2))
    second = id_token(party, max_age=1)
    assert second["auth_time"] == int(small_world.clock.now().timestamp())
    assert second["auth_time"] >= first.get("auth_time", 0)


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_max_age_10000(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    first = id_token(party, max_age=10_000)
    small_world.clock.move(timedelta(seconds=2))
    landed = landing(party.visit(max_age=10_000, nonce="n-2"))  # At once: nobody signs in again.
    token = landed.params.get("id_token") or party.redeem(landed.params["code"]).json()["id_token"]
    second = party.told(token, nonce="n-2", code=landed.params.get("code") if "id_token" in landed.params else None)
    assert (second["auth_time"], second["sub"]) == (first["auth_time"], first["sub"])


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_ensure_request_with_acr_values_succeeds(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    assert id_token(party, acr_values=" ".join(ACR_VALUES))["acr"] in ACR_VALUES
    assert id_token(party, acr_values="1 2")["acr"] in ACR_VALUES


@pytest.mark.parametrize("plan", CODE_PLANS)
def test_oidcc_codereuse_and_codereuse_30seconds(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    for wait in (0, 30):
        body = party.tokens()
        assert party.userinfo(body["access_token"]).status_code == 200
        small_world.clock.move(timedelta(seconds=wait))
        again = party.redeem(body["code"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert party.userinfo(body["access_token"]).status_code == 401


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_ensure_registered_redirect_uri(small_world: World, plan: Plan) -> None:
    page = Relying(small_world, *plan).visit(redirect_uri=f"{CALLBACK}-2")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (400, "text/html")
    assert "location" not in page.headers


@pytest.mark.parametrize("plan", [("code", None), ("code", "form_post")])
def test_oidcc_ensure_post_request_succeeds(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    path, _, query = party.address(state="s-1", nonce="n-1").partition("?")
    landed = party.through(party.browser.post(path, dict(parse_qsl(query))))
    assert (landed.params["state"], landed.way) == ("s-1", party.way)
    assert party.told(party.redeem(landed.params["code"]).json()["id_token"], nonce="n-1")


@pytest.mark.parametrize("plan", [("code", None), ("code", "form_post"), ("id_token", None)])
def test_oidcc_unsigned_request_objects_are_not_announced_and_refused(small_world: World, plan: Plan) -> None:
    """The modules of unsigned objects, by value and by reference, are skipped where `none` is not in the metadata."""
    party = Relying(small_world, *plan, request_uris=["https://suite.example/request.jwt"])
    assert "none" not in party.metadata["request_object_signing_alg_values_supported"]
    claims = {"client_id": party.client["client_id"], "redirect_uri": CALLBACK, "response_type": plan[0]}
    unsigned = ".".join(b64u(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)) + "."
    assert party.ask(request=unsigned).params["error"] == "invalid_request_object"


@pytest.mark.parametrize("plan", SOME_PLANS)
def test_oidcc_claims_essential(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    place = "id_token" if plan[0] == "id_token" else "userinfo"
    claims = json.dumps({place: {"name": {"essential": True}}})
    if place == "id_token":
        assert id_token(party, claims=claims)["name"] == party.human.name
    else:
        assert party.userinfo(party.access(claims=claims)).json()["name"] == party.human.name


@pytest.mark.parametrize("plan", CODE_PLANS)
def test_oidcc_refresh_token(small_world: World, plan: Plan) -> None:
    grants = ["authorization_code", "refresh_token", *(["implicit"] if plan[0] != "code" else [])]
    party, other = (Relying(small_world, *plan, grant_types=grants) for _ in range(2))
    scope = {"scope": "openid offline_access", "prompt": "consent", "nonce": "n-1"}
    body = party.tokens(**scope)
    assert set(body["refresh_token"]) <= {chr(sign) for sign in range(0x20, 0x7F)}
    fresh = party.refresh(body["refresh_token"])
    assert fresh.status_code == 200
    assert party.userinfo(fresh.json()["access_token"]).status_code == 200
    assert fresh.json()["access_token"] != body["access_token"]
    old = party.told(body["id_token"], nonce="n-1")
    new = party.told(fresh.json()["id_token"], nonce=None)  # OIDC Core §12.2: a refreshed one should have none.
    for claim in ("iss", "sub", "aud", "auth_time", "azp"):
        assert old.get(claim) == new.get(claim)
    assert new["iat"] >= old["iat"]
    foreign = party.refresh(other.tokens(**scope)["refresh_token"])
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("plan", [("code", None), ("code id_token", None)])
def test_oidcc_ensure_request_with_valid_pkce_succeeds(small_world: World, plan: Plan) -> None:
    party = Relying(small_world, *plan)
    challenge = {"code_challenge": b64u(sha256(VERIFIER.encode())), "code_challenge_method": "S256"}
    code = party.ask(**challenge).params["code"]
    assert party.redeem(code, code_verifier=VERIFIER).status_code == 200


def test_a_person_of_the_plan_is_one_of_ours(small_world: World) -> None:
    """The same person is one subject for one client, another for another: pairwise is the only type."""
    human = somebody(small_world)
    one, other = (Relying(small_world, human=human, redirect_uris=[CALLBACK]) for _ in range(2))
    assert one.metadata["subject_types_supported"] == ["pairwise"]
    assert id_token(one)["sub"] == id_token(other)["sub"]  # One host, one sector (OIDC Core §8.1).
