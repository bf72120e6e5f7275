"""OpenID Connect Core 1.0 §3.1.2.5 to §3.1.2.7, §3.2 and §3.3: answers of the authorization endpoint."""

from __future__ import annotations

import pytest

from crypto.jose import half_hash, peek
from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.rules import check_metadata
from tests.integration.idp.conftest import CALLBACK, World
from tests.integration.idp.landing import FRONT, Landing, Visit, landing
from tests.integration.idp.plain_browser import BASE

HYBRID = ("code id_token", "code token", "code id_token token")
WITH_ID_TOKEN = tuple(response_type for response_type in FRONT if "id_token" in response_type)
WITH_TOKEN = tuple(response_type for response_type in FRONT if "token" in response_type.split())


@pytest.fixture
def visit(small_world: World) -> Visit:
    return Visit(small_world)


def refused(visit: Visit, **changes: str | None) -> Landing:
    answer = visit.ask(**changes)
    assert "error" in answer.params
    assert not {"code", "id_token", "access_token"} & set(answer.params)
    return answer


def test_core_3_1_2_5_the_answer_holds_code_and_state_in_the_query(visit: Visit) -> None:
    answer = visit.ask(state="as it was")
    assert (answer.way, answer.uri) == ("query", CALLBACK)
    assert answer.params["code"]
    assert answer.params["state"] == "as it was"
    assert "state" not in visit.ask(state=None).params


def test_core_3_1_2_6_errors_go_to_the_redirect_uri_with_error_and_state(visit: Visit) -> None:
    answer = refused(visit, prompt="none", scope="openid eid")
    assert (answer.way, answer.uri) == ("query", CALLBACK)
    assert set(answer.params) == {"error", "error_description", "state", "iss"}
    assert answer.params["state"] == "s-123"


def test_core_3_1_2_6_login_required_and_consent_required_under_prompt_none(visit: Visit) -> None:
    stranger = visit.world.browser()
    asked = visit.world.request(visit.platform, prompt="none")
    assert landing(stranger.get(asked)).params["error"] == "login_required"
    assert refused(visit, prompt="none").params["error"] == "consent_required"


def test_core_3_1_2_6_account_choice_cannot_be_asked_for_without_pages(visit: Visit) -> None:
    assert refused(visit, prompt="none select_account").params["error"] == "invalid_request"


def test_core_3_1_2_6_a_refusing_person_is_access_denied(visit: Visit) -> None:
    visit.browser.get(visit.world.request(visit.platform))
    assert landing(visit.browser.submit("consent", decision="deny")).params["error"] == "access_denied"


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": "https://evil.example/"}, {"redirect_uri": None}, {"client_id": "nobody"}]
)
def test_core_3_1_2_6_nobody_is_redirected_where_the_address_is_wrong(
    visit: Visit, changes: dict[str, str | None]
) -> None:
    for mode in (None, "fragment", "form_post", "jwt"):
        page = visit.browser.get(visit.world.request(visit.platform, response_mode=mode, **changes))
        assert page.status_code == 400
        assert "location" not in page.headers
        assert 'id="answer"' not in page.text


@pytest.mark.parametrize("uri", ["http://a.example/cb", "http://127.0.0.1/cb"])
def test_core_3_2_2_1_web_clients_have_https_addresses_only(uri: str) -> None:
    implicit = ClientMetadata(redirect_uris=(uri,), response_types=("id_token",), grant_types=("implicit",))
    with pytest.raises(InvalidClientMetadataError):
        check_metadata(implicit, strict=True, loopback=False)


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_core_3_2_2_1_nonce_is_required(visit: Visit, response_type: str) -> None:
    answer = refused(visit, response_type=response_type, nonce=None)
    assert (answer.way, answer.params["error"]) == ("fragment", "invalid_request")


@pytest.mark.parametrize("response_type", ["id_token", "id_token token"])
def test_core_3_2_2_5_all_comes_in_the_fragment(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type)
    assert (answer.way, answer.uri) == ("fragment", CALLBACK)
    assert "?" not in answer.page.headers["location"].partition("#")[0]
    assert "id_token" in answer.params
    assert answer.params["state"] == "s-123"
    assert "code" not in answer.params
    assert "refresh_token" not in answer.params


def test_core_3_2_2_5_the_access_token_is_bearer_and_only_there_if_asked_for(visit: Visit) -> None:
    answer = visit.ask(response_type="id_token token")
    assert answer.params["token_type"] == "Bearer"
    assert visit.world.userinfo(answer.params["access_token"]).status_code == 200
    assert "access_token" not in visit.ask(response_type="id_token").params


@pytest.mark.parametrize("response_type", FRONT)
def test_core_3_2_2_6_errors_come_in_the_fragment(visit: Visit, response_type: str) -> None:
    """The same for the hybrid flow (§3.3.2.6)."""
    answer = refused(visit, response_type=response_type, prompt="none", scope="openid eid")
    assert (answer.way, answer.params["state"]) == ("fragment", "s-123")


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_core_3_2_2_10_the_id_token_has_the_nonce(visit: Visit, response_type: str) -> None:
    claims = visit.ask(response_type=response_type, nonce="its-own").id_token
    assert claims["nonce"] == "its-own"
    assert (claims["iss"], claims["aud"]) == (BASE, visit.platform.client_id)


@pytest.mark.parametrize("response_type", ["id_token token", "code id_token token"])
def test_core_3_2_2_10_at_hash_is_of_the_access_token(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type)
    assert answer.id_token["at_hash"] == half_hash("RS256", answer.params["access_token"])


@pytest.mark.parametrize("response_type", HYBRID)
def test_core_3_3_2_5_all_comes_in_the_fragment(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type)
    assert answer.way == "fragment"
    assert "code" in answer.params
    assert ("access_token" in answer.params) == ("token" in response_type.split())
    assert ("id_token" in answer.params) == ("id_token" in response_type)


@pytest.mark.parametrize("response_type", ["code id_token", "code id_token token"])
def test_core_3_3_2_11_c_hash_is_of_the_code(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type)
    assert answer.id_token["c_hash"] == half_hash("RS256", answer.params["code"])


@pytest.mark.parametrize("response_type", ["code id_token", "code id_token token"])
def test_core_3_3_3_6_both_id_tokens_tell_of_the_same_person_and_sign_in(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type)
    later = peek(visit.world.redeem(visit.platform, answer.params["code"]).json()["id_token"])[1]
    for claim in ("iss", "sub", "aud", "auth_time", "acr", "amr", "nonce", "sid"):
        assert later[claim] == answer.id_token[claim]


@pytest.mark.parametrize("response_type", HYBRID)
def test_core_3_3_3_1_the_code_is_redeemed_like_any_other(visit: Visit, response_type: str) -> None:
    code = visit.ask(response_type=response_type).params["code"]
    assert "id_token" in visit.world.redeem(visit.platform, code).json()
    assert visit.world.redeem(visit.platform, code).json()["error"] == "invalid_grant"


def test_core_5_4_scopes_put_claims_into_an_id_token_that_comes_alone(visit: Visit) -> None:
    assert visit.ask(response_type="id_token").id_token["name"] == visit.human.name
    for response_type in ("id_token token", "code id_token"):
        assert "name" not in visit.ask(response_type=response_type).id_token


@pytest.mark.parametrize("response_type", WITH_TOKEN)
def test_core_11_no_offline_access_without_a_code(visit: Visit, response_type: str) -> None:
    answer = visit.ask(response_type=response_type, scope="openid offline_access")
    assert "refresh_token" not in answer.params
    assert ("offline_access" in answer.params["scope"].split()) == ("code" in response_type.split())
