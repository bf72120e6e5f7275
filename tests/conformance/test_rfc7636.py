"""RFC 7636: proof key for code exchange, one test a MUST."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crypto.encoding import b64u, from_b64u
from crypto.hashes import sha256
from tests.integration.idp.conftest import VERIFIER, World


def refused(world: World, **changes: str | None) -> dict[str, str]:
    """Return what a request with these changes is answered."""
    browser = world.activate(world.person(), factor=False)
    page: Any = browser.get(world.request(world.platform(), **changes))
    return dict(parse_qsl(urlsplit(page.headers["location"]).query))


def test_rfc7636_4_3_the_method_is_s256_and_an_omitted_one_would_be_plain(small_world: World) -> None:
    for method in ("plain", None, "s256", "S512"):
        assert refused(small_world, code_challenge_method=method)["error"] == "invalid_request"


def test_rfc7636_4_4_1_a_missing_challenge_is_an_invalid_request(small_world: World) -> None:
    answer = refused(small_world, code_challenge=None, code_challenge_method=None)
    assert answer["error"] == "invalid_request"
    assert "code_challenge" in answer["error_description"]


@pytest.mark.parametrize("length", [43, 128])
def test_rfc7636_4_1_verifiers_of_43_and_of_128_signs_are_good(small_world: World, length: int) -> None:
    world = small_world
    platform, verifier = world.platform(), "aZ09-._~" * 16
    verifier = verifier[:length]
    browser = world.activate(world.person(), factor=False)
    code = world.code(platform, browser, code_challenge=b64u(sha256(verifier.encode())))
    assert world.redeem(platform, code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "电"])
def test_rfc7636_4_1_other_verifiers_are_none(small_world: World, verifier: str) -> None:
    world = small_world
    platform = world.platform()
    browser = world.activate(world.person(), factor=False)
    code = world.code(platform, browser, code_challenge=b64u(sha256(verifier.encode())))
    assert world.redeem(platform, code, code_verifier=verifier).status_code == 400


def test_rfc7636_4_6_a_verifier_that_does_not_fit_is_an_invalid_grant(small_world: World) -> None:
    world = small_world
    platform = world.platform()
    code = world.code(platform, world.activate(world.person(), factor=False))
    answer = world.redeem(platform, code, code_verifier="w" * 64)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_rfc7636_4_4_the_code_tells_nothing_of_the_challenge(small_world: World) -> None:
    world = small_world
    platform, browser = world.platform(), world.activate(world.person(), factor=False)
    challenge = b64u(sha256(VERIFIER.encode()))
    first, second = world.code(platform, browser), world.code(platform, browser)
    assert first != second  # Random, and no more: the challenge stays here.
    for text in (first, from_b64u(first).hex()):
        assert challenge not in text
        assert from_b64u(challenge).hex() not in text


@pytest.mark.parametrize("verifier", [None, ""])
def test_rfc7636_4_6_a_missing_verifier_is_an_invalid_grant(small_world: World, verifier: str | None) -> None:
    world = small_world
    platform = world.platform()
    code = world.code(platform, world.activate(world.person(), factor=False))
    answer = world.redeem(platform, code, code_verifier=verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert world.redeem(platform, code).status_code == 200  # Nothing was used up.


def test_rfc7636_6_2_the_methods_are_published(small_world: World) -> None:
    told = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert told["code_challenge_methods_supported"] == ["S256"]
