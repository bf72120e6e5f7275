"""OpenID Connect Dynamic Client Registration 1.0, with FAPI 2.0's rules for what is registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from crypto.keyring import KeyRing
from crypto.keys import ES256, generate_key
from idp.oauth.models import Client
from idp.oauth.pairwise import LOOPBACK
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.idp.conftest import World
from tests.integration.idp.outside import Handler, answer, outside
from tests.integration.idp.proving import jwk_of
from tests.integration.idp.registering import CALLBACK, Registrar, error_of

INVALID = "invalid_client_metadata"
JWKS = {"keys": [jwk_of(generate_key(ES256))]}
FAPI: dict[str, Any] = {"xinji_profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}


@pytest.fixture
def registrar(small_world: World) -> Registrar:
    """Register at a provider on a developer's machine."""
    return Registrar(small_world)


@pytest.fixture
def public(sqlite_database: Database, clock: ManualClock, keyring: KeyRing) -> Registrar:
    """Register at a provider that stands on the internet."""
    return Registrar(World(sqlite_database, clock, keyring, issuer="https://id.example"))


def sector(registrar: Registrar, client_id: str) -> str:
    with registrar.world.database.read() as session:
        return session.get_one(Client, client_id).sector


def test_registration_2_web_clients_have_https_and_are_not_on_localhost(public: Registrar) -> None:
    for host in sorted(LOOPBACK):
        name = f"[{host}]" if ":" in host else host
        assert error_of(public.register(redirect_uris=[f"http://{name}:8001/cb"])) == "invalid_redirect_uri"
        for types in (["id_token"], ["code id_token"]):
            wrong = public.register(redirect_uris=[f"https://{name}/cb"], response_types=types)
            assert error_of(wrong) == "invalid_redirect_uri"
    assert error_of(public.register(redirect_uris=["cn.platform.app:/cb"])) == "invalid_redirect_uri"
    public.registered(response_types=["id_token"])


def test_registration_2_native_clients_have_loopback_or_a_private_scheme(public: Registrar) -> None:
    native = {"application_type": "native", "token_endpoint_auth_method": "none"}
    for uri in ("http://127.0.0.1/cb", "http://[::1]:7/cb", "http://localhost/cb", "cn.platform.app:/cb"):
        public.registered(redirect_uris=[uri], **native)
    for uri in ("https://platform.example/cb", "http://platform.example/cb", "app:/cb"):
        assert error_of(public.register(redirect_uris=[uri], **native)) == "invalid_redirect_uri"
    assert error_of(public.register(application_type="desktop")) == INVALID


def test_registration_2_id_token_alg_is_rs256_by_default_and_never_none(registrar: Registrar) -> None:
    assert registrar.registered()["id_token_signed_response_alg"] == "RS256"
    for wrong in ("none", "HS256", "RS512"):
        assert error_of(registrar.register(id_token_signed_response_alg=wrong)) == INVALID
    for name in ("userinfo_signed_response_alg", "request_object_signing_alg", "token_endpoint_auth_signing_alg"):
        assert error_of(registrar.register(**{name: "HS256"}, jwks=JWKS)) == INVALID


def test_registration_2_subject_type_is_one_that_is_supported(registrar: Registrar) -> None:
    assert registrar.registered()["subject_type"] == "pairwise"
    assert error_of(registrar.register(subject_type="public")) == INVALID


def test_registration_2_implicit_only_where_it_is_asked_for(registrar: Registrar) -> None:
    made = registrar.registered()
    assert (made["response_types"], made["grant_types"]) == (["code"], ["authorization_code"])


def test_registration_2_initiate_login_uri_is_https(public: Registrar) -> None:
    assert error_of(public.register(initiate_login_uri="http://platform.example/login")) == INVALID
    public.registered(initiate_login_uri="https://platform.example/login")


def test_registration_2_request_uris_are_https_and_few(public: Registrar) -> None:
    assert error_of(public.register(request_uris=["http://platform.example/r"])) == INVALID
    assert error_of(public.register(request_uris=[f"https://platform.example/{n}" for n in range(21)])) == INVALID
    public.registered(request_uris=["https://platform.example/r#hash"])


def test_registration_2_default_acr_values_are_known(registrar: Registrar) -> None:
    assert error_of(registrar.register(default_acr_values=["urn:other"])) == INVALID
    assert registrar.registered(default_acr_values=["urn:xinji:acr:2fa"])["default_acr_values"]


def test_registration_3_2_redirect_uris_and_secrets_are_each_clients_own(registrar: Registrar) -> None:
    one, other = registrar.registered(), registrar.registered()
    assert one["client_id"] != other["client_id"]
    assert one["client_secret"] != other["client_secret"]
    assert one["registration_access_token"] != other["registration_access_token"]


def sector_list(body: Any) -> Handler:
    def handle(_request: bytes) -> Iterator[bytes]:
        yield answer(body if isinstance(body, bytes) else json.dumps(body).encode())

    return handle


HOSTS = ["https://a.platform.example/cb", "https://b.platform.example/cb"]


def test_registration_5_several_hosts_need_a_sector_identifier_uri(registrar: Registrar) -> None:
    assert error_of(registrar.register(redirect_uris=HOSTS)) == "invalid_redirect_uri"
    with outside(sector_list([*HOSTS, "https://c.platform.example/"])) as server:
        made = registrar.registered(redirect_uris=HOSTS, sector_identifier_uri=f"http://127.0.0.1:{server.port}/s")
        assert len(server.requests) == 1
    assert sector(registrar, made["client_id"]) == "127.0.0.1"


@pytest.mark.parametrize(
    "listed", [HOSTS[:1], [], {}, "x", [HOSTS], b"no json", b"[" * 60_000, [HOSTS[0], HOSTS[1] + "/"]]
)
def test_registration_5_every_redirect_uri_is_in_the_list(registrar: Registrar, listed: Any) -> None:
    with outside(sector_list(listed)) as server:
        uri = f"http://127.0.0.1:{server.port}/s"
        assert error_of(registrar.register(redirect_uris=HOSTS, sector_identifier_uri=uri)) == INVALID


def test_registration_5_sector_identifier_uri_is_https(public: Registrar) -> None:
    assert error_of(public.register(sector_identifier_uri="http://platform.example/s")) == INVALID
    assert error_of(public.register(sector_identifier_uri="http://127.0.0.1:8001/s")) == INVALID


def test_registration_5_sector_identifier_uri_reaches_nothing_inside(public: Registrar) -> None:
    looked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - a Resolve
        looked.append(host)
        return ["169.254.169.254"]

    public.world.idp.issuing.fetcher._resolve = resolve
    wrong = public.register(redirect_uris=HOSTS, sector_identifier_uri="https://metadata.platform.example/s")
    assert error_of(wrong) == INVALID
    assert looked == ["metadata.platform.example"]
    stranger = public.call("POST", "/oauth/register", "xia_x", {"sector_identifier_uri": "https://x.example/s"})
    assert stranger.status_code == 401
    assert len(looked) == 1  # Nobody without a token makes us call anything.


def test_core_8_1_who_is_never_redirected_to_is_a_sector_by_itself(registrar: Registrar) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    made = registrar.registered(grant_types=["authorization_code", device])
    assert sector(registrar, made["client_id"]) == made["client_id"]
    assert sector(registrar, registrar.registered()["client_id"]) == "platform.example"


def test_frontchannel_2_logout_uri_lies_where_a_redirect_uri_does(registrar: Registrar) -> None:
    for wrong in ("https://other.example/out", "https://platform.example:444/out"):
        assert error_of(registrar.register(frontchannel_logout_uri=wrong)) == INVALID
    registrar.registered(frontchannel_logout_uri="https://platform.example:443/out")


def test_fapi2_5_3_2_1_clients_are_confidential_with_keys_or_certificates(public: Registrar) -> None:
    for method in ("none", "client_secret_basic", "client_secret_post"):
        assert error_of(public.register(**FAPI | {"token_endpoint_auth_method": method})) == INVALID
    made = public.registered(**FAPI)
    assert made["require_pushed_authorization_requests"] is True
    assert made["require_pkce"] is True
    assert made["id_token_signed_response_alg"] == "PS256"
    tls = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "platform.example"}
    public.registered(xinji_profile="fapi2", **tls)


def test_fapi2_5_3_2_1_no_other_response_type_than_code(public: Registrar) -> None:
    for types in (["id_token"], ["code id_token"], ["code", "id_token"]):
        assert error_of(public.register(**FAPI, response_types=types)) == INVALID
    assert error_of(public.register(**FAPI, grant_types=["authorization_code", "implicit"])) == INVALID


def test_fapi2_5_3_2_2_redirect_uris_are_https(public: Registrar) -> None:
    native = {"application_type": "native", "redirect_uris": ["cn.platform.app:/cb"]}
    assert error_of(public.register(**FAPI, **native)) == "invalid_redirect_uri"


def test_fapi2_5_4_algorithms(public: Registrar) -> None:
    for name in ("id_token_signed_response_alg", "token_endpoint_auth_signing_alg", "userinfo_signed_response_alg"):
        for alg in ("RS256", "SGD_SM3_SM2", "none", "HS256"):
            assert error_of(public.register(**FAPI | {name: alg})) == INVALID
        public.registered(**FAPI | {name: "EdDSA"})


def test_fapi2_messages_signs_requests_answers_and_introspection(public: Registrar) -> None:
    messages = FAPI | {"xinji_profile": "fapi2-messages"}
    made = public.registered(**messages)
    assert made["require_signed_request_object"] is True
    assert made["authorization_signed_response_alg"] == "PS256"
    assert made["introspection_signed_response_alg"] == "PS256"
    assert error_of(public.register(**messages | {"authorization_signed_response_alg": "RS256"})) == INVALID
    without = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "platform.example"}
    assert error_of(public.register(xinji_profile="fapi2-messages", **without)) == INVALID


def test_registration_4_read_shows_what_was_registered(registrar: Registrar) -> None:
    made = registrar.registered(redirect_uris=[CALLBACK])
    assert registrar.manage("GET", made).json()["redirect_uris"] == [CALLBACK]
