"""Which account a request is for: another one is offered, and no combination of prompts loops or skips a page."""

from __future__ import annotations

import pytest

from tests.integration.idp.conftest import PASSWORD, World, answer_of
from tests.integration.idp.landing import Visit


def test_another_persons_hint_offers_to_switch(small_world: World) -> None:
    visit = Visit(small_world)
    hint = small_world.redeem(visit.platform, visit.ask().params["code"]).json()["id_token"]
    other = small_world.person("韩梅梅")
    browser = small_world.activate(other, factor=False)
    page = browser.get(small_world.request(visit.platform, id_token_hint=hint))
    assert page.request.url.path == "/signin"
    assert 'id="switch"' in page.text
    assert "韩梅梅" in page.text
    assert browser.form("signin").fields["login"] == ""
    page = browser.submit("signin", login=visit.human.eid, password=PASSWORD)
    assert "code" in answer_of(page)
    assert visit.human.name in browser.get("/account").text


def test_choosing_another_account_does_not_offer_the_same_again(small_world: World) -> None:
    visit = Visit(small_world)
    visit.browser.get(small_world.request(visit.platform, prompt="select_account"))
    page = visit.browser.submit("choose-account", decision="other")
    assert 'id="switch"' in page.text
    assert visit.browser.form("signin").fields["login"] == ""


def test_signing_in_again_as_oneself_is_offered_the_own_number(small_world: World) -> None:
    visit = Visit(small_world)
    page = visit.browser.get(small_world.request(visit.platform, prompt="login"))
    assert 'id="switch"' not in page.text
    assert visit.browser.form("signin").fields["login"] == visit.human.eid


@pytest.mark.parametrize(
    ("prompt", "forms"),
    [
        ("login", ["signin"]),
        ("select_account", ["choose-account"]),
        ("consent", ["consent"]),
        ("login consent", ["signin", "consent"]),
        ("select_account consent", ["choose-account", "consent"]),
        ("login select_account", ["signin"]),
        ("consent login select_account", ["signin", "consent"]),
    ],
)
def test_prompts_ask_for_each_thing_once(small_world: World, prompt: str, forms: list[str]) -> None:
    visit = Visit(small_world)
    visit.ask()
    shown = []
    page = visit.browser.get(small_world.request(visit.platform, prompt=prompt, response_type="code id_token"))
    while page.status_code == 200:
        form = next(form.id for form in visit.browser.forms() if form.id in ("signin", "choose-account", "consent"))
        shown.append(form)
        assert len(shown) < 5
        if form == "signin":
            page = visit.browser.submit("signin", login=visit.human.eid, password=PASSWORD)
        else:
            page = visit.browser.submit(form, decision="continue" if form == "choose-account" else "allow")
    assert "id_token" in answer_of(page)
    assert shown == forms


@pytest.mark.parametrize("prompt", ["none login", "none consent", "none select_account", "login none consent"])
def test_none_stands_alone(small_world: World, prompt: str) -> None:
    assert Visit(small_world).ask(prompt=prompt).params["error"] == "invalid_request"
