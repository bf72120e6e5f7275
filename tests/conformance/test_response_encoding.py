"""Multiple Response Type Encoding Practices, Form Post Response Mode, JARM, and RFC 9207."""

from __future__ import annotations

import pytest

from crypto.jose import peek, verify_jwt
from idp.oauth.authorization.jarm import TYP
from idp.oauth.clients.metadata import RESPONSE_TYPES
from idp.oauth.keys import ALGS
from tests.integration.idp.conftest import CALLBACK, World
from tests.integration.idp.landing import FRONT, Visit
from tests.integration.idp.plain_browser import BASE

SIGNED = ("jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
MODES = ("query", "fragment", "form_post")


@pytest.fixture
def visit(small_world: World) -> Visit:
    return Visit(small_world)


def test_multiple_types_2_1_each_type_has_its_default_mode(visit: Visit) -> None:
    for response_type in RESPONSE_TYPES:
        assert visit.ask(response_type=response_type).way == ("query" if response_type == "code" else "fragment")


@pytest.mark.parametrize("mode", MODES)
def test_multiple_types_2_1_a_mode_that_was_asked_for_is_used(visit: Visit, mode: str) -> None:
    answer = visit.ask(response_mode=mode)
    assert (answer.way, answer.uri) == (mode, CALLBACK)
    assert "code" in answer.params


@pytest.mark.parametrize("response_type", FRONT)
def test_multiple_types_3_5_query_is_never_used_for_tokens(visit: Visit, response_type: str) -> None:
    for mode in ("query", "query.jwt"):
        answer = visit.ask(response_type=response_type, response_mode=mode)
        assert answer.way == "fragment"
        assert not {"code", "id_token", "access_token"} & set(answer.params)


@pytest.mark.parametrize("response_type", FRONT)
def test_multiple_types_3_5_the_answer_includes_all_that_the_type_names(visit: Visit, response_type: str) -> None:
    words = {"code": {"code"}, "id_token": {"id_token"}, "token": {"access_token", "token_type"}}
    expected = set().union(*(words[word] for word in response_type.split()))
    every = set().union(*words.values())
    assert set(visit.ask(response_type=response_type).params) & every == expected


def test_multiple_types_2_the_order_of_words_does_not_matter(visit: Visit) -> None:
    assert {"code", "id_token", "access_token"} <= set(visit.ask(response_type="token code id_token").params)


def test_form_post_2_the_form_posts_to_the_redirect_uri(visit: Visit) -> None:
    answer = visit.ask(response_type="code id_token", response_mode="form_post")
    assert (answer.way, answer.uri) == ("form_post", CALLBACK)
    assert '<form method="post"' in answer.page.text
    assert "enctype" not in answer.page.text  # The default is application/x-www-form-urlencoded.
    assert {"code", "id_token", "state"} <= set(answer.params)


def test_form_post_2_the_page_is_not_stored(visit: Visit) -> None:
    assert visit.ask(response_mode="form_post").page.headers["cache-control"] == "no-store"


def test_form_post_2_errors_are_posted_too(visit: Visit) -> None:
    answer = visit.ask(response_mode="form_post", prompt="none", scope="openid eid")
    assert (answer.way, answer.params["error"]) == ("form_post", "consent_required")


def test_jarm_2_1_the_answer_has_iss_aud_exp_and_all_parameters(visit: Visit) -> None:
    claims = visit.ask(response_type="code id_token token", response_mode="jwt").signed
    assert (claims["iss"], claims["aud"], claims["state"]) == (BASE, visit.platform.client_id, "s-123")
    assert 0 < claims["exp"] - visit.world.clock.now().timestamp() <= 600
    assert {"code", "id_token", "access_token", "token_type", "expires_in"} <= set(claims)


def test_jarm_2_1_errors_are_signed_too(visit: Visit) -> None:
    claims = visit.ask(response_mode="jwt", prompt="none", scope="openid eid").signed
    assert (claims["error"], claims["state"], claims["iss"]) == ("consent_required", "s-123", BASE)
    assert claims["aud"] == visit.platform.client_id
    assert "exp" in claims


def test_jarm_2_2_the_answer_is_signed_with_a_published_key(visit: Visit) -> None:
    text = visit.ask(response_mode="jwt").params["response"]
    published = visit.world.browser().http.get("/oauth/jwks.json").json()["keys"]
    assert peek(text)[0]["kid"] in {key["kid"] for key in published}
    verify_jwt(text, visit.world.idp.keys.public(), typ=TYP, algs=ALGS)


@pytest.mark.parametrize("mode", SIGNED)
def test_jarm_2_3_each_mode_carries_the_one_parameter_response(visit: Visit, mode: str) -> None:
    answer = visit.ask(response_mode=mode)
    assert answer.way == ("query" if mode == "jwt" else mode.partition(".")[0])
    assert set(answer.params) == {"response"}


@pytest.mark.parametrize("response_type", FRONT)
def test_jarm_2_3_1_query_jwt_is_refused_with_tokens(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type, response_mode="query.jwt")
    assert answer.way == "fragment"
    assert answer.signed["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", FRONT)
def test_jarm_2_3_4_jwt_takes_the_default_of_the_type(visit: Visit, response_type: str) -> None:
    assert visit.ask(response_type=response_type, response_mode="jwt").way == "fragment"


def test_jarm_3_rs256_is_the_default_and_the_registered_algorithm_counts(small_world: World) -> None:
    for registered, used in ((None, "RS256"), ("ES256", "ES256")):
        visit = Visit(small_world, authorization_signed_response_alg=registered)
        assert peek(visit.ask(response_mode="jwt").params["response"])[0]["alg"] == used


def test_jarm_4_the_metadata_names_modes_and_algorithms(small_world: World) -> None:
    told = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert set(SIGNED) | set(MODES) == set(told["response_modes_supported"])
    assert "RS256" in told["authorization_signing_alg_values_supported"]
    assert "none" not in told["authorization_signing_alg_values_supported"]


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_rfc_9207_2_every_answer_and_error_has_iss(visit: Visit, response_type: str) -> None:
    for changes in ({}, {"prompt": "none", "scope": "openid eid"}, {"response_mode": "form_post"}):
        assert visit.ask(response_type=response_type, **changes).params["iss"] == BASE


def test_rfc_9207_2_iss_is_the_issuer_of_the_metadata(visit: Visit) -> None:
    told = visit.world.browser().http.get("/.well-known/openid-configuration").json()
    assert visit.ask().params["iss"] == told["issuer"]
    assert "?" not in told["issuer"]
    assert "#" not in told["issuer"]


def test_rfc_9207_3_the_metadata_says_so(small_world: World) -> None:
    told = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert told["authorization_response_iss_parameter_supported"] is True


def test_rfc_9207_2_a_platforms_own_iss_does_not_come_back(visit: Visit) -> None:
    """Mix-up: what the request says of an issuer is nothing to us."""
    page = visit.world.request(visit.platform) + "&iss=https%3A%2F%2Fevil.example"
    visit.ask()
    location = visit.browser.get(page).headers["location"]
    assert "evil" not in location
