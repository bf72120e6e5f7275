"""The token endpoint (RFC 6749 §3.2 to §6, RFC 8707, RFC 9396 §6), and Bearer tokens (RFC 6750)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.oauth.models import ClientToken, Token
from kernel.audit import AuditEvent
from tests.conformance.answers import body, error, reasons
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World
from tests.integration.idp.machine import Machine, fapi_platform, grant_code

GRANTS: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token", "client_credentials"]}
API = "https://api.example.edu.cn/v1"
OTHER = "https://other.example.edu.cn/v1"
SHARING = {"type": "xinji_data_sharing", "fields": ["name", "loa"], "purpose": "教学", "until": "2026-12-01"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def machine(small_world: World) -> Machine:
    return Machine(small_world, small_world.platform(**GRANTS, xinji_resources=[API, OTHER]))


def count(world: World, model: Any) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_rfc6749_3_2_the_endpoint_takes_post_alone(small_world: World) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert small_world.browser().http.request(method, "/oauth/token").status_code == 405


def test_rfc6749_3_2_no_parameter_stands_twice(machine: Machine) -> None:
    auth = (machine.platform.client_id, machine.platform.client_secret or "")
    http = machine.world.browser().http
    for name in ("grant_type", "scope", "client_id", "code"):
        content = f"grant_type=client_credentials&{name}=a&{name}=a"
        answer = http.post("/oauth/token", content=content, headers=FORM, auth=auth)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_rfc6749_3_2_empty_parameters_count_as_omitted_and_unknown_ones_are_ignored(machine: Machine) -> None:
    assert machine.credentials(scope="", resource="", authorization_details="", foo="bar").status == 200


def test_rfc6749_3_2_1_confidential_clients_authenticate(machine: Machine) -> None:
    code = grant_code(machine.world, machine.platform)
    anonymous = Machine(machine.world, type(machine.platform)(machine.platform.client_id, None))
    assert error(anonymous.redeem(code)) == "invalid_client"
    assert machine.redeem(code).status == 200


def test_rfc6749_4_1_3_the_code_belongs_to_the_client_and_a_thief_is_noticed(machine: Machine) -> None:
    code = grant_code(machine.world, machine.platform)
    other = Machine(machine.world, machine.world.platform(name="别家", **GRANTS))
    assert error(other.redeem(code)) == "invalid_grant"
    assert reasons(machine.world) == ["foreign_code"]
    assert machine.redeem(code).status == 200


def test_rfc6749_4_1_3_the_redirect_uri_is_that_of_the_request(machine: Machine) -> None:
    code = grant_code(machine.world, machine.platform)
    for uri in (None, f"{CALLBACK}/", "https://evil.example/"):
        assert error(machine.redeem(code, redirect_uri=uri)) == "invalid_grant"
    assert machine.redeem(code, redirect_uri=CALLBACK, code_verifier=VERIFIER).status == 200


@pytest.mark.parametrize("field", ["code", "grant_type"])
def test_rfc6749_5_2_what_is_missing_is_an_invalid_request(machine: Machine, field: str) -> None:
    fields = {
        "grant_type": "authorization_code",
        "code": grant_code(machine.world, machine.platform),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        field: None,
    }
    assert error(machine.token(fields)) == "invalid_request"


@pytest.mark.parametrize("code", ["x", "电", "\x00", "x" * 60_000])
def test_rfc6749_5_2_an_unknown_code_is_an_invalid_grant(machine: Machine, code: str) -> None:
    assert error(machine.redeem(code)) == "invalid_grant"


def test_rfc6749_4_4_a_platform_gets_a_token_for_itself_and_no_refresh_token(machine: Machine) -> None:
    answer = body(machine.credentials())
    assert answer.keys() == {"access_token", "token_type", "expires_in"}
    assert answer["access_token"].startswith("xct_")
    told = body(machine.introspect(answer["access_token"]))
    assert (told["sub"], told["client_id"]) == (machine.platform.client_id,) * 2
    assert machine.userinfo(answer["access_token"]).status == 401


def test_rfc6749_4_4_it_costs_one_row_and_no_audit_event(machine: Machine) -> None:
    before = count(machine.world, AuditEvent)
    machine.credentials()
    assert (count(machine.world, ClientToken), count(machine.world, AuditEvent)) == (1, before)


def test_rfc6749_4_4_public_clients_cannot_use_it(small_world: World) -> None:
    platform = small_world.platform(grant_types=["authorization_code"], token_endpoint_auth_method="none")
    assert error(Machine(small_world, platform).credentials()) == "unauthorized_client"


@pytest.mark.parametrize("scope", ["openid", "profile eid", "unknown", "电"])
def test_rfc6749_4_4_scopes_of_people_are_refused(machine: Machine, scope: str) -> None:
    assert error(machine.credentials(scope=scope)) == "invalid_scope"


def test_rfc6749_5_2_a_grant_that_was_not_registered_is_refused(small_world: World) -> None:
    machine = Machine(small_world, small_world.platform(grant_types=["authorization_code"], scope="openid"))
    assert error(machine.credentials()) == "unauthorized_client"
    assert error(machine.refresh("xrt_x")) == "unauthorized_client"
    assert error(machine.exchange("xat_x")) == "unauthorized_client"


@pytest.mark.parametrize("grant", ["password", "implicit", "x", "电", "<script>", "x" * 9_000])
def test_rfc6749_5_2_an_unknown_grant_is_refused_and_not_repeated(machine: Machine, grant: str) -> None:
    answer = machine.token({"grant_type": grant})
    assert error(answer) == "unsupported_grant_type"
    assert grant not in str(answer.body).replace("unsupported_grant_type", "").replace("error_description", "") or (
        grant == "x"
    )


def test_rfc6749_5_1_answers_are_kept_by_no_cache(machine: Machine) -> None:
    answer = machine.redeem(grant_code(machine.world, machine.platform))
    assert body(answer)["expires_in"] == 3600
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"


def test_rfc6749_6_a_refresh_token_is_bound_to_its_client_and_a_thief_is_noticed(machine: Machine) -> None:
    refresh = body(machine.redeem(grant_code(machine.world, machine.platform)))["refresh_token"]
    other = Machine(machine.world, machine.world.platform(name="别家", **GRANTS))
    assert error(other.refresh(refresh)) == "invalid_grant"
    assert reasons(machine.world) == ["foreign_refresh"]
    assert machine.refresh(refresh).status == 200


def test_rfc6749_6_a_refresh_asks_for_no_more_than_was_granted(machine: Machine) -> None:
    refresh = body(machine.redeem(grant_code(machine.world, machine.platform)))["refresh_token"]
    assert error(machine.refresh(refresh, scope="openid profile eid")) == "invalid_scope"
    less = body(machine.refresh(refresh, scope="openid"))
    assert less["scope"] == "openid"
    again = body(machine.refresh(less["refresh_token"]))
    assert again["scope"] == "openid profile offline_access"  # RFC 6749 §6: omitted is what was granted at first.


def test_fapi2_5_3_2_1_a_bound_refresh_token_stays_the_same(small_world: World) -> None:
    machine = fapi_platform(small_world, grant_types=["authorization_code", "refresh_token"])
    first = body(machine.redeem(grant_code(small_world, machine.platform)))
    answers = [body(machine.refresh(first["refresh_token"])) for _ in range(3)]
    assert {answer["refresh_token"] for answer in answers} == {first["refresh_token"]}
    assert len({answer["access_token"] for answer in [first, *answers]}) == 4
    assert count(small_world, Token) == 4
    assert all(machine.userinfo(answer["access_token"]).status == 200 for answer in answers)


# RFC 8707: resources at the token endpoint.


def test_rfc8707_2_2_a_token_is_for_what_was_granted_or_for_less(machine: Machine) -> None:
    code = grant_code(machine.world, machine.platform, resources=[API, OTHER])
    first = body(machine.redeem(code, resource=API))
    assert body(machine.introspect(first["access_token"]))["aud"] == API
    second = body(machine.refresh(first["refresh_token"], resource=OTHER))
    assert body(machine.introspect(second["access_token"]))["aud"] == OTHER
    third = body(machine.refresh(second["refresh_token"]))
    assert body(machine.introspect(third["access_token"]))["aud"] == [API, OTHER]
    own = body(machine.refresh(third["refresh_token"], resource=machine.world.issuer))
    assert machine.userinfo(own["access_token"]).status == 200
    assert machine.userinfo(third["access_token"]).status == 401


@pytest.mark.parametrize("resource", [OTHER, "x", "电", f"{API}#x", f"{API} {OTHER}", "https://evil.example"])
def test_rfc8707_2_2_no_resource_is_gained(machine: Machine, resource: str) -> None:
    code = grant_code(machine.world, machine.platform, resources=[API])
    assert error(machine.redeem(code, resource=resource)) == "invalid_target"
    assert machine.redeem(code, resource=API).status == 200


def test_rfc8707_2_resources_may_be_several(machine: Machine) -> None:
    auth = (machine.platform.client_id, machine.platform.client_secret or "")
    content = f"grant_type=client_credentials&resource={API}&resource={OTHER}"
    answer = machine.world.browser().http.post("/oauth/token", content=content, headers=FORM, auth=auth)
    assert body(machine.introspect(answer.json()["access_token"]))["aud"] == [API, OTHER]
    assert error(machine.credentials(resource="https://evil.example")) == "invalid_target"


# RFC 9396 §6: authorization details at the token endpoint.


def test_rfc9396_6_details_are_told_and_may_become_less(machine: Machine) -> None:
    code = grant_code(machine.world, machine.platform, details=[SHARING])
    less = {**SHARING, "fields": ["name"]}
    answer = body(machine.redeem(code, authorization_details=json.dumps([less])))
    assert answer["authorization_details"] == [less]
    again = body(machine.refresh(answer["refresh_token"]))
    assert again["authorization_details"] == [SHARING]


@pytest.mark.parametrize(
    "asked",
    [
        [{**SHARING, "fields": ["name", "eid"]}], [{**SHARING, "until": "2026-12-02"}], [{**SHARING, "x": 1}],
        [{"type": "xinji_credential", "credential_types": ["urn:xinji:credential:diploma:1"], "actions": ["read"]}],
        {}, [], "x", None, [None], [{}], [{"type": 1}],
    ],
)  # fmt: skip
def test_rfc9396_6_details_never_become_more(machine: Machine, asked: Any) -> None:
    code = grant_code(machine.world, machine.platform, details=[SHARING])
    assert error(machine.redeem(code, authorization_details=json.dumps(asked))) == "invalid_authorization_details"
    assert machine.redeem(code).status == 200


def test_rfc9396_5_details_need_a_person(machine: Machine) -> None:
    assert error(machine.credentials(authorization_details=json.dumps([SHARING]))) == "invalid_authorization_details"


# RFC 6750: Bearer tokens at userinfo.


def test_rfc6750_2_one_way_of_sending_the_token(machine: Machine) -> None:
    access = body(machine.redeem(grant_code(machine.world, machine.platform)))["access_token"]
    http = machine.world.browser().http
    headers = {"authorization": f"Bearer {access}"}
    assert http.post("/oauth/userinfo", headers=headers, data={"access_token": access}).status_code == 400
    assert http.get("/oauth/userinfo", headers=[("authorization", f"Bearer {access}")] * 2).status_code == 401
    assert http.get("/oauth/userinfo", params={"access_token": access}).status_code == 401
    assert http.post("/oauth/userinfo", headers=headers).status_code == 200


def test_rfc6750_2_2_the_form_has_its_media_type_and_method(machine: Machine) -> None:
    access = body(machine.redeem(grant_code(machine.world, machine.platform)))["access_token"]
    http = machine.world.browser().http
    assert http.post("/oauth/userinfo", data={"access_token": access}).status_code == 200
    assert http.post("/oauth/userinfo", json={"access_token": access}).status_code == 401
    assert http.request("GET", "/oauth/userinfo", data={"access_token": access}).status_code == 401


def test_rfc6750_3_a_refusal_has_a_challenge_and_no_error_for_who_showed_nothing(machine: Machine) -> None:
    http = machine.world.browser().http
    nothing = http.get("/oauth/userinfo")
    assert nothing.status_code == 401
    assert nothing.headers["www-authenticate"].startswith("Bearer realm=")
    assert "error" not in nothing.headers["www-authenticate"]
    wrong = http.get("/oauth/userinfo", headers={"authorization": "Bearer x"})
    assert wrong.status_code == 401
    challenge = wrong.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    names = re.findall(r'([a-z_]+)="([\x20-\x21\x23-\x5B\x5D-\x7E]*)"', challenge.removeprefix("Bearer "))
    assert ", ".join(f'{name}="{value}"' for name, value in names) == challenge.removeprefix("Bearer ")
    assert len(dict(names)) == len(names)  # Each attribute once.
    assert wrong.headers["cache-control"] == "no-store"


def test_rfc6750_3_1_too_little_scope_is_403(machine: Machine) -> None:
    refresh = body(machine.redeem(grant_code(machine.world, machine.platform)))["refresh_token"]
    access = body(machine.refresh(refresh, scope="profile"))["access_token"]
    refused = machine.userinfo(access)
    assert (refused.status, error(refused)) == (403, "insufficient_scope")


def test_rfc6749_2_3_1_credentials_in_the_address_prove_nothing(machine: Machine) -> None:
    client_id, secret = machine.platform.client_id, machine.platform.client_secret or ""
    query = {"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials"}
    http = machine.world.browser().http
    answer = http.post("/oauth/token", params=query, data={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert http.post("/oauth/token", params=query, headers=FORM).status_code == 400
