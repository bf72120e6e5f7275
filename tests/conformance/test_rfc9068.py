"""Access tokens in JWT form (RFC 9068), and what forgers make of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crypto.jose import peek, sign_jwt, verify_jwt
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2
from tests.conformance.answers import body, error
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine, grant_code, key_of, signed

API = "https://api.example.edu.cn/v1"
OTHER = "https://other.example.edu.cn/v1"
JWT: dict[str, Any] = {
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "xinji_access_token_format": "jwt",
    "xinji_resources": [API, OTHER],
}


class Issued:
    """A person's access token in JWT form."""

    def __init__(self, world: World, alg: str = ES256, **columns: Any) -> None:
        self.world = world
        platform = world.platform(**JWT, xinji_access_token_signed_response_alg=alg)
        self.machine = Machine(world, platform)
        self.human = world.person(name="李雷")
        self.token = body(self.machine.redeem(grant_code(world, platform, self.human, **columns)))
        self.access: str = self.token["access_token"]
        self.header, self.claims = peek(self.access)


@pytest.fixture
def issued(small_world: World) -> Issued:
    return Issued(small_world)


@pytest.mark.parametrize("alg", [RS256, PS256, ES256, EDDSA, SGD_SM3_SM2])
def test_rfc9068_2_1_it_is_signed_as_registered_and_typed(small_world: World, alg: str) -> None:
    issued = Issued(small_world, alg)
    assert issued.header["typ"] == "at+jwt"
    keys = small_world.idp.keys.public()
    assert verify_jwt(issued.access, keys, typ="at+jwt", algs=[alg]) == issued.claims
    assert issued.machine.userinfo(issued.access).status == 200


def test_rfc9068_2_2_the_required_claims_are_there(issued: Issued) -> None:
    now = int(issued.world.clock.now().timestamp())
    assert issued.claims["iss"] == issued.world.issuer
    assert issued.claims["exp"] == now + 3600
    assert issued.claims["iat"] == now
    assert issued.claims["client_id"] == issued.machine.platform.client_id
    assert issued.claims["sub"] == peek(issued.token["id_token"])[1]["sub"]
    other = Issued(issued.world)
    assert other.claims["jti"] != issued.claims["jti"]


def test_rfc9068_2_2_1_it_tells_how_the_person_signed_in(issued: Issued) -> None:
    assert issued.claims["auth_time"] == issued.claims["iat"] - 60
    assert issued.claims["acr"].startswith("urn:xinji:acr:")
    assert issued.claims["amr"] == ["pwd"]


def test_rfc9068_2_2_3_scope_is_there(issued: Issued) -> None:
    assert issued.claims["scope"] == "openid profile offline_access"


def test_rfc9068_3_the_audience_is_the_resource_or_we_ourselves(small_world: World, issued: Issued) -> None:
    assert issued.claims["aud"] == small_world.issuer
    assert Issued(small_world, resources=[API]).claims["aud"] == API
    assert Issued(small_world, resources=[API, OTHER]).claims["aud"] == [API, OTHER]


def test_rfc9068_3_a_platforms_own_token_has_it_as_subject(issued: Issued) -> None:
    access = body(issued.machine.credentials(resource=API))["access_token"]
    claims = peek(access)[1]
    assert claims["sub"] == claims["client_id"] == issued.machine.platform.client_id
    assert claims["aud"] == API
    assert not {"auth_time", "acr", "amr", "scope"} & claims.keys()
    assert issued.machine.userinfo(access).status == 401
    assert body(issued.machine.introspect(access))["active"] is True


def test_rfc9068_6_no_personal_data_stand_in_it(issued: Issued) -> None:
    text = str(issued.claims)
    assert issued.human.name not in text
    assert issued.human.eid not in text
    assert str(issued.human.id) not in text


def test_rfc9068_4_what_was_granted_in_detail_stands_in_it(small_world: World) -> None:
    detail = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": "教学", "until": "2026-12-01"}
    issued = Issued(small_world, details=[detail])
    assert issued.claims["authorization_details"] == issued.token["authorization_details"] == [detail]


def test_a_row_stands_behind_it_so_that_it_can_be_revoked(issued: Issued) -> None:
    assert issued.machine.userinfo(issued.access).status == 200
    assert issued.machine.revoke(issued.access).status == 200
    assert issued.machine.userinfo(issued.access).status == 401
    assert body(issued.machine.introspect(issued.access)) == {"active": False}


def test_a_platforms_own_jwt_can_be_revoked_too(issued: Issued) -> None:
    access = body(issued.machine.credentials())["access_token"]
    assert issued.machine.revoke(access).status == 200
    assert body(issued.machine.introspect(access)) == {"active": False}


def test_it_ends_after_an_hour(issued: Issued) -> None:
    issued.world.clock.move(timedelta(hours=1))
    assert issued.machine.userinfo(issued.access).status == 401
    assert body(issued.machine.introspect(issued.access)) == {"active": False}


def test_the_jti_alone_is_no_token(issued: Issued) -> None:
    jti = issued.claims["jti"]
    own = peek(body(issued.machine.credentials())["access_token"])[1]["jti"]
    for text in (jti, jti.replace("xaj_", "xat_"), own, own.replace("xcj_", "xct_"), jti.replace("xaj_", "xcj_")):
        assert issued.machine.userinfo(text).status == 401
        assert body(issued.machine.introspect(text)) == {"active": False}


def test_rfc9068_4_a_changed_token_is_none(issued: Issued) -> None:
    head, claims, signature = issued.access.split(".")
    other = Issued(issued.world).access.split(".")
    for text in (
        f"{head}.{other[1]}.{signature}",
        f"{head}.{claims}.{other[2]}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.",
        f"{head}.{claims}.{signature[:-4]}AAAA",
    ):
        assert issued.machine.userinfo(text).status == 401
        assert body(issued.machine.introspect(text)) == {"active": False}


@pytest.mark.parametrize("alg", ["none", "HS256", RS256, SGD_SM3_SM2, ES256])
def test_rfc9068_4_a_token_of_another_key_or_algorithm_is_none(issued: Issued, alg: str) -> None:
    forged = signed({**issued.header, "alg": alg}, issued.claims, key_of(ES256, "forger"))
    assert issued.machine.userinfo(forged).status == 401
    assert body(issued.machine.introspect(forged)) == {"active": False}


def test_rfc9068_4_an_es256_header_over_our_sm2_key_is_none(issued: Issued) -> None:
    ours = issued.world.idp.keys.active(SGD_SM3_SM2)
    forged = signed({"alg": ES256, "kid": ours.key_id, "typ": "at+jwt"}, issued.claims, ours)
    assert issued.machine.userinfo(forged).status == 401


def test_rfc9068_4_id_tokens_and_logout_tokens_are_no_access_tokens(issued: Issued) -> None:
    keys = issued.world.idp.keys
    assert issued.machine.userinfo(issued.token["id_token"]).status == 401
    for typ in ("JWT", "logout+jwt", "token-introspection+jwt", "dpop+jwt"):
        text = sign_jwt(issued.claims, keys.active(ES256), typ=typ)
        assert issued.machine.userinfo(text).status == 401
        assert body(issued.machine.introspect(text)) == {"active": False}


def test_rfc9068_4_the_issuer_must_be_ours(issued: Issued) -> None:
    text = sign_jwt({**issued.claims, "iss": "https://evil.example"}, issued.world.idp.keys.active(ES256), typ="at+jwt")
    assert issued.machine.userinfo(text).status == 401


def test_rfc9068_4_a_token_for_another_resource_opens_no_userinfo(small_world: World) -> None:
    issued = Issued(small_world, resources=[API])
    refused = issued.machine.userinfo(issued.access)
    assert (refused.status, error(refused)) == (401, "invalid_token")


def test_a_repeated_refresh_gives_a_jwt_of_the_same_name(issued: Issued) -> None:
    first = body(issued.machine.refresh(issued.token["refresh_token"]))
    issued.world.clock.move(timedelta(seconds=10))
    again = body(issued.machine.refresh(issued.token["refresh_token"]))
    assert peek(first["access_token"])[1] == peek(again["access_token"])[1]
    assert again["refresh_token"] == first["refresh_token"]
    assert issued.machine.userinfo(again["access_token"]).status == 200
