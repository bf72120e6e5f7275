"""Tokens bound to a client certificate (RFC 8705 §3, §4)."""

from __future__ import annotations

from typing import Any

import pytest

from crypto.encoding import b64u
from crypto.hashes import sha256
from crypto.jose import peek
from idp.oauth.metadata import provider_metadata
from tests.conformance.answers import body, error
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import CERTIFICATE, Machine, grant_code

BOUND: dict[str, Any] = {
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "tls_client_certificate_bound_access_tokens": True,
}
X5T = b64u(sha256(CERTIFICATE))


@pytest.fixture
def machine(small_world: World) -> Machine:
    return Machine(small_world, small_world.platform(**BOUND), certificate=CERTIFICATE)


def test_rfc8705_3_the_token_is_bound_to_the_certificate(machine: Machine) -> None:
    answer = body(machine.credentials())
    assert answer["token_type"] == "Bearer"
    assert body(machine.introspect(answer["access_token"]))["cnf"] == {"x5t#S256": X5T}


def test_rfc8705_3_without_a_certificate_there_is_no_token(machine: Machine) -> None:
    machine.certificate = None
    assert error(machine.credentials()) == "invalid_request"


def test_rfc8705_3_the_resource_wants_the_same_certificate(machine: Machine) -> None:
    access = body(machine.redeem(grant_code(machine.world, machine.platform)))["access_token"]
    assert machine.userinfo(access).status == 200
    for other in (None, b"", b"another certificate"):
        machine.certificate = other
        refused = machine.userinfo(access)
        assert (refused.status, error(refused)) == (401, "invalid_token")


def test_rfc8705_3_1_a_jwt_tells_the_thumbprint(small_world: World) -> None:
    platform = small_world.platform(**BOUND, xinji_access_token_format="jwt")
    answer = body(Machine(small_world, platform, certificate=CERTIFICATE).credentials())
    assert peek(answer["access_token"])[1]["cnf"] == {"x5t#S256": X5T}


def test_rfc8705_3_3_the_metadata_tell_of_it(small_world: World) -> None:
    assert provider_metadata(small_world.issuer)["tls_client_certificate_bound_access_tokens"] is True


def test_rfc8705_4_a_refresh_token_of_a_public_client_is_bound_too(small_world: World) -> None:
    platform = small_world.platform(
        **{**BOUND, "grant_types": ["authorization_code", "refresh_token"]}, token_endpoint_auth_method="none"
    )
    machine = Machine(small_world, platform, certificate=CERTIFICATE)
    first = body(machine.redeem(grant_code(small_world, platform)))
    machine.certificate = b"a thief's certificate"
    assert error(machine.refresh(first["refresh_token"])) == "invalid_grant"
    machine.certificate = CERTIFICATE
    assert machine.refresh(first["refresh_token"]).status == 200


def test_a_token_for_nobodys_certificate_stays_a_bearer_token(small_world: World) -> None:
    platform = small_world.platform(grant_types=["authorization_code"])
    machine = Machine(small_world, platform, certificate=CERTIFICATE)
    access = body(machine.redeem(grant_code(small_world, platform)))["access_token"]
    assert "cnf" not in body(machine.introspect(access))
