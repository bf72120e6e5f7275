"""RFC 7591: OAuth 2.0 Dynamic Client Registration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crypto.keys import ES256, generate_key
from tests.integration.idp.conftest import World
from tests.integration.idp.proving import jwk_of
from tests.integration.idp.registering import CALLBACK, PATH, Registrar, error_of

INVALID = "invalid_client_metadata"


@pytest.fixture
def registrar(small_world: World) -> Registrar:
    return Registrar(small_world)


def test_rfc7591_2_unknown_members_are_ignored(registrar: Registrar) -> None:
    made = registrar.registered(favourite_colour="blue", id_token_encrypted_response_alg=7, nested={"a": [1]})
    assert not {"favourite_colour", "id_token_encrypted_response_alg", "nested"} & made.keys()


def test_rfc7591_2_defaults_where_members_are_omitted(registrar: Registrar) -> None:
    made = registrar.registered()
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["grant_types"] == ["authorization_code"]
    assert made["response_types"] == ["code"]


def test_rfc7591_2_redirect_uris_are_needed_for_redirecting_grants(registrar: Registrar) -> None:
    assert error_of(registrar.register(redirect_uris=None)) == "invalid_redirect_uri"
    assert error_of(registrar.register(redirect_uris=[])) == "invalid_redirect_uri"
    made = registrar.registered(redirect_uris=None, grant_types=["client_credentials"], response_types=[])
    assert "redirect_uris" not in made


def test_rfc7591_2_jwks_and_jwks_uri_do_not_stand_together(registrar: Registrar) -> None:
    keys = {"keys": [jwk_of(generate_key(ES256))]}
    assert error_of(registrar.register(jwks=keys, jwks_uri="https://platform.example/jwks")) == INVALID


def test_rfc7591_2_1_grant_and_response_types_are_consistent(registrar: Registrar) -> None:
    assert error_of(registrar.register(grant_types=["client_credentials"], response_types=["code id_token"])) == INVALID
    assert error_of(registrar.register(response_types=["id_token"], grant_types=["authorization_code"])) == INVALID
    made = registrar.registered(response_types=["code id_token"])
    assert made["grant_types"] == ["authorization_code", "implicit"]


def test_rfc7591_2_2_names_in_languages(registrar: Registrar) -> None:
    made = registrar.registered(**{"client_name": "平台甲", "client_name#en-GB": "Platform A", "client_name#fr": "x"})
    assert (made["client_name"], made["client_name#en"]) == ("平台甲", "Platform A")


def test_rfc7591_2_3_software_statements_are_refused(registrar: Registrar) -> None:
    assert error_of(registrar.register(software_statement="a.b.c")) == "invalid_software_statement"


def test_rfc7591_3_initial_access_token_is_needed(registrar: Registrar) -> None:
    body = {"redirect_uris": [CALLBACK]}
    for token in (None, "xia_wrong", registrar.token + "x", "x" * 5_000):
        answer = registrar.call("POST", PATH, token, body)
        assert error_of(answer, 401) == "invalid_token"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_rfc7591_3_initial_access_token_ends(small_world: World) -> None:
    registrar = Registrar(small_world, uses=2)
    registrar.registered()
    assert error_of(registrar.register(redirect_uris=["ftp://x"])) == "invalid_redirect_uri"  # Takes no use.
    registrar.registered()
    assert error_of(registrar.register(), 401) == "invalid_token"
    late = Registrar(small_world)
    small_world.clock.move(timedelta(days=1))
    assert error_of(late.register(), 401) == "invalid_token"


def test_rfc7591_3_1_the_request_is_a_json_object(registrar: Registrar) -> None:
    for body in (b"", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"a": NaN', b"[" * 60_000):
        assert error_of(registrar.call("POST", PATH, registrar.token, body)) == INVALID
    form = registrar.call("POST", PATH, registrar.token, b"redirect_uris=x", "application/x-www-form-urlencoded")
    assert error_of(form) == INVALID


def test_rfc7591_3_1_a_member_that_stands_twice_is_refused(registrar: Registrar) -> None:
    body = f'{{"redirect_uris": ["{CALLBACK}"], "redirect_uris": ["https://evil.example/"]}}'.encode()
    assert error_of(registrar.call("POST", PATH, registrar.token, body)) == INVALID


def test_rfc7591_3_2_1_the_answer_is_201_and_never_kept(registrar: Registrar) -> None:
    made = registrar.register()
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["pragma"] == "no-cache"
    assert made.headers["content-type"] == "application/json"


def test_rfc7591_3_2_1_client_id_and_secret_with_its_end(registrar: Registrar) -> None:
    made = registrar.registered()
    assert made["client_id"]
    assert made["client_secret"]
    assert made["client_secret_expires_at"] > made["client_id_issued_at"]
    other = registrar.registered()
    assert other["client_id"] != made["client_id"]
    public = registrar.registered(token_endpoint_auth_method="none")
    assert not {"client_secret", "client_secret_expires_at"} & public.keys()


def test_rfc7591_3_2_1_a_secret_really_ends_when_it_is_said_to(registrar: Registrar) -> None:
    made = registrar.registered()
    world = registrar.world

    def works() -> int:
        data = {"token": "x"}
        answer = world.browser().http.post("/oauth/revoke", data=data, auth=(made["client_id"], made["client_secret"]))
        return int(answer.status_code)

    assert works() == 200
    world.clock.move(timedelta(seconds=made["client_secret_expires_at"] - made["client_id_issued_at"]))
    assert works() == 401


def test_rfc7591_3_2_1_all_registered_metadata_come_back(registrar: Registrar) -> None:
    wished: dict[str, Any] = {
        "redirect_uris": [CALLBACK, "https://platform.example/second"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "contacts": ["ops@platform.example"],
        "client_uri": "https://platform.example/",
        "logo_uri": "https://platform.example/logo.png",
        "policy_uri": "https://platform.example/policy",
        "tos_uri": "https://platform.example/tos",
        "default_max_age": 3600,
        "require_auth_time": True,
    }
    made = registrar.registered(**wished)
    assert {name: made[name] for name in wished} == wished


def test_rfc7591_3_2_1_what_was_replaced_is_said(registrar: Registrar) -> None:
    made = registrar.registered(
        scope="openid eid aff profile nonsense", require_pkce=False, xinji_resources=["https://x"]
    )
    assert made["scope"] == "openid profile"
    assert made["require_pkce"] is True
    assert "xinji_resources" not in made


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://platform.example/",
        "http://platform.example/",
        "https://platform.example/#x",
        "/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_rfc7591_3_2_2_invalid_redirect_uri(registrar: Registrar, uri: str) -> None:
    assert error_of(registrar.register(redirect_uris=[uri])) == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"grant_types": ["password"]},
        {"grant_types": "authorization_code"},
        {"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]},
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
        {"response_types": ["code none"]},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{**generate_key(ES256).public.jwk, "d": "x"}]}},
        {"jwks": {"keys": [{"kty": "oct", "k": "x"}]}},
        {"jwks": "x"},
        {"client_name": 7},
        {"client_name": "x" * 101},
        {"client_name": "evil\u202egnp.exe"},
        {"client_name": "\ud800"},
        {"client_name": "nul\x00"},
        {"contacts": ["x" * 300]},
        {"contacts": ["x"] * 21},
        {"logo_uri": "http://platform.example/logo"},
        {"logo_uri": "javascript:alert(1)"},
        {"client_uri": "javascript:alert(1)"},
        {"policy_uri": "data:text/html,x"},
        {"tos_uri": ["https://platform.example/"]},
        {"jwks_uri": "http://platform.example/jwks"},
        {"xinji_profile": "fapi3"},
        {"default_max_age": -1},
    ],
)
def test_rfc7591_3_2_2_invalid_client_metadata(registrar: Registrar, members: dict[str, Any]) -> None:
    answer = registrar.register(**members)
    assert error_of(answer) == INVALID
    assert answer.json()["error_description"].isascii()
    assert answer.headers["cache-control"] == "no-store"


def test_rfc7591_5_pkce_is_required_unless_the_token_lets_a_confidential_client_do_without(small_world: World) -> None:
    assert Registrar(small_world).registered()["require_pkce"] is True
    lenient = Registrar(small_world, require_pkce=False)
    assert lenient.registered()["require_pkce"] is False
    assert lenient.registered(token_endpoint_auth_method="none")["require_pkce"] is True


def test_rfc7591_5_addresses_of_people_s_pages_are_never_fetched(registrar: Registrar) -> None:
    called: list[str] = []
    registrar.world.idp.issuing.fetcher._resolve = lambda host, _port: called.append(host) or ["10.0.0.1"]  # type: ignore[func-returns-value]
    registrar.registered(
        logo_uri="https://inside.example/logo.png",
        policy_uri="https://inside.example/p",
        tos_uri="https://inside.example/t",
        client_uri="https://inside.example/",
        jwks_uri="https://inside.example/jwks",
        initiate_login_uri="https://inside.example/login",
        backchannel_logout_uri="https://inside.example/out",
    )
    assert called == []


def test_rfc7591_5_a_body_that_is_too_large_is_refused(registrar: Registrar) -> None:
    answer = registrar.call("POST", PATH, registrar.token, b'{"x": "' + b"x" * 70_000 + b'"}')
    assert answer.status_code == 413
