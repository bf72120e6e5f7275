"""OpenID Connect Discovery 1.0 and RFC 8414: what the provider says of itself, and where."""

from __future__ import annotations

from typing import Any

import pytest

from crypto.jose import peek
from crypto.keyring import KeyRing
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.idp.conftest import World

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
WEBFINGER = "/.well-known/webfinger"
REL = "http://openid.net/specs/connect/1.0/issuer"


@pytest.fixture
def world(sqlite_database: Database, clock: ManualClock, keyring: KeyRing) -> World:
    """A provider as it stands on the internet."""
    return World(sqlite_database, clock, keyring, issuer="https://id.example")


@pytest.fixture
def found(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.browser().http.get(OPENID).json()
    return document


def test_discovery_2_webfinger_names_the_issuer(world: World) -> None:
    for resource in (
        "acct:anybody@id.example",
        "https://id.example/anybody",
        "https://id.example",
        "acct:X@ID.example",
    ):
        answer = world.browser().http.get(WEBFINGER, params={"resource": resource, "rel": REL})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/jrd+json"
        assert answer.json() == {"subject": resource, "links": [{"rel": REL, "href": "https://id.example"}]}


def test_discovery_2_webfinger_knows_no_other_host_and_no_other_link(world: World) -> None:
    get = world.browser().http.get
    for other in (
        "acct:a@other.example",
        "https://other.example/",
        "id.example",
        "acct:",
        "mailto:a@id.example",
        "https://[",
    ):
        assert get(WEBFINGER, params={"resource": other}).status_code == 404
    for broken in ({}, {"resource": ""}, {"resource": "x" * 501}, {"resource": ["acct:a@id.example"] * 2}):
        assert get(WEBFINGER, params=broken).status_code == 400
    only = get(WEBFINGER, params={"resource": "acct:a@id.example", "rel": "avatar"})
    assert only.json()["links"] == []


def test_discovery_3_issuer_is_https_without_query_or_fragment(found: dict[str, Any]) -> None:
    assert found["issuer"] == "https://id.example"


def test_discovery_3_required_members_are_there(found: dict[str, Any]) -> None:
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "registration_endpoint"):
        assert found[name].startswith("https://id.example/")
        assert "#" not in found[name]
    assert {"code", "id_token", "id_token token"} <= set(found["response_types_supported"])
    assert found["subject_types_supported"] == ["pairwise"]
    assert "openid" in found["scopes_supported"]


def test_discovery_3_rs256_is_among_the_id_token_algorithms_and_none_is_not(found: dict[str, Any]) -> None:
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert "none" not in found["id_token_signing_alg_values_supported"]


def test_discovery_3_assertion_algorithms_are_listed_and_none_is_not(found: dict[str, Any]) -> None:
    for endpoint in ("token", "revocation", "introspection"):
        assert "private_key_jwt" in found[f"{endpoint}_endpoint_auth_methods_supported"]
        listed = found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert "RS256" in listed
        assert "none" not in listed


def test_discovery_3_members_with_no_value_are_omitted(found: dict[str, Any]) -> None:
    assert [name for name, value in found.items() if value in (None, [], "")] == []


def test_discovery_3_jwks_holds_public_signature_keys_only(world: World, found: dict[str, Any]) -> None:
    keys = world.browser().http.get(found["jwks_uri"]).json()["keys"]
    assert {key["use"] for key in keys} == {"sig"}
    assert not {"d", "p", "q", "k"} & {name for key in keys for name in key}


def test_discovery_4_1_configuration_lies_under_the_issuer(world: World, found: dict[str, Any]) -> None:
    assert world.browser().http.get(found["issuer"] + OPENID).json() == found


def test_discovery_4_2_the_answer_is_json_with_200(world: World) -> None:
    answer = world.browser().http.get(OPENID)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_discovery_4_3_issuer_is_the_id_tokens_and_the_address(world: World, found: dict[str, Any]) -> None:
    platform = world.platform()
    token = world.redeem(platform, world.code(platform, world.activate(world.person(), factor=False))).json()
    assert found["issuer"] == world.issuer == peek(token["id_token"])[1]["iss"]


def test_rfc8414_2_every_endpoint_says_how_clients_authenticate(found: dict[str, Any]) -> None:
    wanted = {"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"}
    for endpoint in ("token", "revocation", "introspection"):
        assert wanted <= set(found[f"{endpoint}_endpoint_auth_methods_supported"])
    assert "none" not in found["introspection_endpoint_auth_methods_supported"]


def test_rfc8414_3_metadata_lies_at_its_well_known_path(world: World, found: dict[str, Any]) -> None:
    answer = world.browser().http.get(OAUTH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == found


def test_rfc8414_3_3_issuer_is_the_one_asked_for(world: World) -> None:
    assert world.browser().http.get(OAUTH).json()["issuer"] == world.issuer
