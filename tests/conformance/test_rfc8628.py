"""RFC 8628: the device authorization grant, one test a MUST; the rest stands in the behaviour's own tests."""

from __future__ import annotations

from idp.oauth.clients.metadata import DEVICE
from tests.integration.idp.conftest import World
from tests.integration.idp.test_device import ask, big_screen, decide, enter, poll


def test_rfc8628_3_1_parameters_stand_once_in_a_form(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    http = world.browser().http
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = f"client_id={platform.client_id}&scope=openid"
    assert http.post("/oauth/device", content=body, headers=form).status_code == 200
    for wrong, headers in ((f"{body}&scope=openid", form), (f"{body}&scope=aff", form), (body, {})):
        answer = http.post("/oauth/device", content=wrong, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert http.get(f"/oauth/device?{body}").status_code == 405


def test_rfc8628_3_1_unknown_parameters_are_ignored_and_empty_ones_omitted(small_world: World) -> None:
    platform = big_screen(small_world)
    assert ask(small_world, platform, colour="red").status_code == 200
    assert ask(small_world, platform, resource="").status_code == 200


def test_rfc8628_3_2_the_answer_is_json_with_every_required_member(small_world: World) -> None:
    answer = ask(small_world, big_screen(small_world))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert len(answer.json()["device_code"]) >= 43


def test_rfc8628_3_3_1_the_code_of_a_complete_address_is_shown_to_compare(small_world: World) -> None:
    world = small_world
    codes = ask(world, big_screen(world)).json()
    browser = world.activate(world.person(), factor=False)
    page = browser.get(f"/device?user_code={codes['user_code']}")
    assert codes["user_code"] in page.text
    assert "请核对" in page.text


def test_rfc8628_3_5_every_pending_state_has_its_own_error(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    assert poll(world, platform, codes["device_code"]).json()["error"] == "authorization_pending"
    assert poll(world, platform, codes["device_code"], wait=1).json()["error"] == "slow_down"
    decide(world.activate(world.person(), factor=False), codes["user_code"], "deny")
    assert poll(world, platform, codes["device_code"]).json()["error"] == "access_denied"
    late = ask(world, platform).json()
    assert poll(world, platform, late["device_code"], wait=601).json()["error"] == "expired_token"


def test_rfc8628_4_the_endpoint_and_the_grant_are_published(small_world: World) -> None:
    told = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert told["device_authorization_endpoint"] == f"{small_world.issuer}/oauth/device"
    assert DEVICE in told["grant_types_supported"]


def test_rfc8628_5_4_the_page_warns_of_somebody_elses_device(small_world: World) -> None:
    world = small_world
    codes = ask(world, big_screen(world)).json()
    page = enter(world.activate(world.person(), factor=False), codes["user_code"])
    assert 'id="device-warning"' in page.text
    assert codes["user_code"] in page.text
    assert 'id="deny"' in page.text
