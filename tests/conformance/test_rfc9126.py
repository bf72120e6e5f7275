"""Pushed authorization requests (RFC 9126): one test per MUST of the provider's side."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from crypto.keys import ES256, generate_key
from idp.oauth.authorization.kept import LIFE, PREFIX
from idp.oauth.metadata import provider_metadata
from idp.oauth.models import PushedRequest
from idp.oauth.stores.clients import client
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.machine import key_of, nonce_of, proof
from tests.integration.idp.signing_platform import FAPI, SigningPlatform, error_page, went_to


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world)


def refused(answer: Any, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


def test_rfc9126_2_the_endpoint_takes_post_only(platform: SigningPlatform) -> None:
    assert platform.world.browser().http.get("/oauth/par").status_code == 405


def test_rfc9126_2_the_body_is_a_form(platform: SigningPlatform) -> None:
    answer = platform.push(platform.parameters(), headers={"content-type": "application/json"})
    refused(answer, 400, "invalid_request")


def test_rfc9126_2_clients_authenticate_as_at_the_token_endpoint(small_world: World) -> None:
    secret = small_world.platform()
    fields = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    assert small_world.post(secret, "/oauth/par", fields).status_code == 201
    public = small_world.platform(token_endpoint_auth_method="none")
    assert small_world.post(public, "/oauth/par", fields).status_code == 201
    http = small_world.browser().http
    refused(http.post("/oauth/par", data={**fields, "client_id": secret.client_id}), 401, "invalid_client")
    wrong = {**fields, "client_id": secret.client_id, "client_secret": "wrong"}
    refused(http.post("/oauth/par", data=wrong), 401, "invalid_client")
    refused(http.post("/oauth/par", data=fields), 401, "invalid_client")
    other = SigningPlatform(small_world)
    other.key = generate_key(ES256)
    refused(other.push(other.parameters()), 401, "invalid_client")


def test_rfc9126_2_1_a_request_uri_is_refused(platform: SigningPlatform) -> None:
    for uri in (platform.pushed(), "https://platform.example/x"):
        refused(platform.push(platform.parameters(request_uri=uri)), 400, "invalid_request")


def test_rfc9126_2_1_the_client_id_is_the_one_that_authenticated(platform: SigningPlatform) -> None:
    other = SigningPlatform(platform.world)
    refused(platform.push(platform.parameters(client_id=other.client_id)), 401, "invalid_client")
    assert platform.push(platform.parameters(client_id=None)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"claims": "x"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
)
def test_rfc9126_2_1_a_request_is_checked_as_at_the_authorization_endpoint(
    platform: SigningPlatform, changes: dict[str, Any], error: str
) -> None:
    refused(platform.push(platform.parameters(**changes)), 400, error)


def test_rfc9126_2_2_the_answer_is_201_json_with_request_uri_and_expires_in(platform: SigningPlatform) -> None:
    answer = platform.push(platform.parameters())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"request_uri", "expires_in"}
    assert answer.json()["expires_in"] == LIFE.total_seconds()


def test_rfc9126_2_2_the_request_uri_cannot_be_guessed_and_is_kept_as_a_hash(platform: SigningPlatform) -> None:
    one, two = platform.pushed(), platform.pushed()
    assert one != two
    assert len(one.removeprefix(PREFIX)) >= 43  # 256 bits.
    with platform.world.database.read() as session:
        rows = session.scalars(select(PushedRequest)).all()
    assert all(one.removeprefix(PREFIX).encode() not in row.uri_hash for row in rows)
    assert platform.client_id in {row.client_id for row in rows}
    assert "client_assertion" not in str([row.parameters for row in rows])


def test_rfc9126_2_2_the_request_uri_is_bound_to_the_client(platform: SigningPlatform) -> None:
    other = SigningPlatform(platform.world)
    error_page(platform.world.browser().get(other.address(request_uri=platform.pushed())))


def test_rfc9126_2_3_errors_are_json_of_the_token_endpoints_form(platform: SigningPlatform) -> None:
    answer = platform.push(platform.parameters(scope=None))
    refused(answer, 400, "invalid_scope")
    assert answer.json()["error_description"].isascii()
    assert platform.push({"padding": "x" * 70_000}).status_code == 413


def test_rfc9126_3_only_the_object_counts(platform: SigningPlatform) -> None:
    browser = platform.world.activate(platform.world.person(), factor=False)
    fields = {"request": platform.object(typ="JWT"), "client_id": platform.client_id, "state": "evil", "prompt": "none"}
    uri = platform.push(fields).json()["request_uri"]
    browser.get(platform.address(request_uri=uri))
    assert answer_of(browser.submit("consent", decision="allow"))["state"] == "s-123"
    refused(platform.push({**fields, "request": platform.object(scope=None)}), 400, "invalid_scope")


def test_rfc9126_3_a_signed_object_is_verified_and_the_clients_own(platform: SigningPlatform) -> None:
    other = SigningPlatform(platform.world)
    for token in (
        platform.object(key=other.key),
        platform.object(client_id=other.client_id),
        platform.object(iss=other.client_id),
        other.object(),
        "x",
    ):
        refused(platform.push({"request": token}), 400, "invalid_request_object")


def test_rfc9126_4_a_request_uri_is_used_once(platform: SigningPlatform) -> None:
    browser = platform.world.activate(platform.world.person(), factor=False)
    address = platform.address(request_uri=platform.pushed())
    assert browser.get(address).status_code == 200
    assert browser.get(address).status_code == 200  # A page that is loaded twice answers nothing yet.
    assert "code" in answer_of(browser.submit("consent", decision="allow"))
    error_page(browser.get(address))


def test_rfc9126_4_an_expired_request_uri_is_refused(platform: SigningPlatform) -> None:
    address = platform.address(request_uri=platform.pushed())
    platform.world.clock.move(LIFE)
    error_page(platform.world.browser().get(address))


def test_rfc9126_4_a_request_is_checked_again_when_it_is_used(platform: SigningPlatform) -> None:
    address = platform.address(request_uri=platform.pushed(prompt="none"))
    assert went_to(platform.world.browser().get(address))["error"] == "login_required"
    address = platform.address(request_uri=platform.pushed(redirect_uri=CALLBACK))
    world = platform.world
    known = world.idp.clients.get(platform.client_id)
    assert known is not None
    with world.database.write() as session:
        row = client(session, platform.client_id)
        assert row is not None
        row.registered = {**row.registered, "redirect_uris": ["https://new.example/"]}
    world.idp.clients.forget(platform.client_id)
    assert "unknown_redirect_uri" in error_page(world.browser().get(address))


def test_rfc9126_5_metadata_names_the_endpoint(small_world: World) -> None:
    metadata = provider_metadata(small_world.issuer)
    assert metadata["pushed_authorization_request_endpoint"] == f"{small_world.issuer}/oauth/par"
    assert metadata["require_pushed_authorization_requests"] is False


def test_rfc9126_6_a_client_that_must_push_cannot_do_without(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"require_pushed_authorization_requests": True})
    page = small_world.browser().get(platform.address(**platform.parameters()))
    assert went_to(page)["error"] == "invalid_request"
    page = small_world.browser().get(platform.address(request_uri=platform.pushed()))
    assert page.request.url.path == "/signin"


def test_rfc9126_7_2_an_unregistered_redirect_uri_is_refused(platform: SigningPlatform) -> None:
    refused(platform.push(platform.parameters(redirect_uri="https://platform.example/new")), 400, "invalid_request")


def test_rfc9449_10_1_a_proof_at_the_push_binds_the_code(small_world: World) -> None:
    platform = SigningPlatform(small_world, FAPI)
    key = key_of()
    url = f"{small_world.issuer}/oauth/par"

    def header(**claims: Any) -> dict[str, str]:
        return {"dpop": proof(small_world, key, url, nonce=nonce_of(small_world), **claims)}

    assert platform.push(platform.parameters(), headers=header()).status_code == 201
    assert platform.push(platform.parameters(dpop_jkt=key.key_id), headers=header()).status_code == 201
    with small_world.database.read() as session:
        rows = session.scalars(select(PushedRequest)).all()
    assert [value for row in rows for name, value in row.parameters if name == "dpop_jkt"] == [key.key_id] * 2
    refused(platform.push(platform.parameters(dpop_jkt="A" * 43), headers=header()), 400, "invalid_request")
    wrong = header(htu=f"{small_world.issuer}/oauth/token")
    assert platform.push(platform.parameters(), headers=wrong).json()["error"] == "invalid_dpop_proof"
    late = header()
    small_world.clock.move(timedelta(minutes=10))
    assert platform.push(platform.parameters(), headers=late).status_code == 400


def test_rfc9449_10_1_a_proof_goes_with_a_signed_object_too(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    url, key = f"{small_world.issuer}/oauth/par", key_of()
    answer = platform.push({"request": platform.object()}, headers={"dpop": proof(small_world, key, url)})
    assert answer.status_code == 201
    fields = {"request": platform.object(dpop_jkt="A" * 43)}
    refused(platform.push(fields, headers={"dpop": proof(small_world, key, url)}), 400, "invalid_request")
