"""The own account, first sign-in's rules, and what staff cannot do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idp.authn.activation import revoke_access
from idp.directory.activation import draft_code, give_codes
from idp.directory.models import Organisation
from idp.models import Account, RecoveryCode, SignInSession, Totp
from tests.integration.idp.conftest import PASSWORD, SCHOOL, World, codes_on, secret_on
from tests.integration.idp.plain_browser import PlainBrowser


def post(browser: PlainBrowser, path: str, **fields: str) -> PlainBrowser:
    browser.get("/account")
    browser.post(path, {"csrf_token": browser.forms()[0].fields["csrf_token"], **fields})
    return browser


def test_a_student_activates_and_ends_with_two_factors_and_ten_recovery_codes(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    assert len(set(human.recovery_codes)) == 10
    page = browser.get("/account")
    assert human.name in page.text
    assert human.eid[:4] + "-" + human.eid[4:8] in page.text
    with world.database.read() as session:
        kept = session.scalars(select(Totp)).one().secret
        hashes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert human.secret.encode() not in kept
    assert all(code.replace("-", "").encode() not in hashes for code in human.recovery_codes)


def test_a_number_is_taken_in_any_spelling(small_world: World) -> None:
    human = small_world.person()
    small_world.activate(human)
    browser = small_world.browser()
    browser.get("/signin")
    spelled = "　".join(human.eid[at : at + 4].lower() for at in range(0, 14, 4))
    browser.submit("signin", login=f" {spelled}-", password=PASSWORD)
    assert browser.submit("factor", code=small_world.totp(human)).request.url.path == "/account"


def test_an_activation_code_works_once(world: World) -> None:
    human = world.person()
    world.activate(human, factor=False)
    browser = world.browser()
    browser.get("/activate")
    page = browser.submit("activate", eid=human.eid, code=human.code)
    assert page.status_code == 401
    assert "activation_refused" in page.text


def test_two_browsers_with_the_same_code_make_one_account(world: World) -> None:
    human = world.person()
    browsers = [world.browser(), world.browser()]
    for browser in browsers:
        browser.get("/activate")
        browser.submit("activate", eid=human.eid, code=human.code)
    assert browsers[0].submit("new-password", password=PASSWORD, password2=PASSWORD).status_code == 200
    assert browsers[1].submit("new-password", password="another-word-9", password2="another-word-9").status_code == 401
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_who_redeemed_a_code_that_was_replaced_since_makes_no_account(world: World) -> None:
    human = world.person()
    thief = world.browser()
    thief.get("/activate")
    thief.submit("activate", eid=human.eid, code=human.code)
    world.clock.move(timedelta(minutes=1))
    with world.database.write() as session:
        fresh = draft_code(human.id, world.directory)
        school = session.query(Organisation).filter_by(code=SCHOOL).one()
        give_codes(session, [fresh], given_by=human.id, organisation_id=school.id, now=world.clock.now())
    refused = thief.submit("new-password", password="the-thief-s-word-9", password2="the-thief-s-word-9")
    assert refused.status_code == 401
    human.code = fresh.code
    world.activate(human)


def test_leaving_before_the_password_leaves_the_code_good(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.browser()
    browser.get("/activate")
    browser.submit("activate", eid=human.eid, code=human.code)
    small_world.activate(human)


def test_a_mistyped_code_costs_no_try_and_five_wrong_ones_end_it(small_world: World) -> None:
    human, other = small_world.person(), small_world.person("韩梅梅")
    browser = small_world.browser()
    browser.get("/activate")
    mistyped = human.code[:-1] + ("A" if human.code[-1] != "A" else "B")
    for _ in range(6):
        assert browser.submit("activate", eid=human.eid, code=mistyped).status_code == 422
    statuses = [browser.submit("activate", eid=human.eid, code=other.code).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    small_world.clock.move(timedelta(minutes=31))
    assert browser.submit("activate", eid=human.eid, code=human.code).status_code == 401


def test_codes_of_others_expired_codes_and_unknown_numbers_get_one_answer(small_world: World) -> None:
    human, other = small_world.person(), small_world.person("韩梅梅")
    late = small_world.person("迟到")
    small_world.clock.move(timedelta(days=15))
    fresh = small_world.person("新生")
    answers = set()
    for eid, code in ((human.eid, other.code), (late.eid, late.code), ("P7K3W0QR4XT1M1", fresh.code)):
        browser = small_world.browser()
        browser.get("/activate")
        page = browser.submit("activate", eid=eid, code=code)
        answers.add((page.status_code, page.text.split('id="refusal"')[1].split("</div>")[0]))
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("password", "again", "code"),
    [
        ("short-1", "short-1", "password_too_short"),
        ("summer-rain-7", "summer-rain-8", "password_mismatch"),
        ("Password123", "Password123", "password_common"),
        ("98765432", "98765432", "password_common"),
        ("x" * 129, "x" * 129, "password_too_long"),
        ("", "", "password_too_short"),
    ],
)
def test_a_bad_password_is_refused_with_its_rule(small_world: World, password: str, again: str, code: str) -> None:
    human = small_world.person()
    browser = small_world.browser()
    browser.get("/activate")
    browser.submit("activate", eid=human.eid, code=human.code)
    page = browser.submit("new-password", password=password, password2=again)
    assert page.status_code == 422
    assert code in page.text
    assert browser.submit("new-password", password=PASSWORD, password2=PASSWORD).status_code == 200


def test_staff_need_more_of_a_password_and_cannot_be_without_an_authenticator(small_world: World) -> None:
    human = small_world.person(role="registrar")
    browser = small_world.browser()
    browser.get("/activate")
    browser.submit("activate", eid=human.eid, code=human.code)
    assert "password_too_short" in browser.submit("new-password", password="rain-7-ab", password2="rain-7-ab").text
    page = browser.submit("new-password", password="summerrain7", password2="summerrain7")
    assert "password_too_simple" in page.text
    browser.submit("new-password", password=PASSWORD, password2=PASSWORD)
    assert 'id="later"' not in browser.page.text
    human.secret = secret_on(browser.page.text)
    browser.submit("totp", code=small_world.totp(human))
    page = post(browser, "/account/totp/remove").page
    assert page.status_code == 409
    assert "factor_needed" in page.text


def test_a_wrong_first_code_leaves_the_same_qr(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    secret = secret_on(browser.page.text)
    page = browser.submit("totp", code="000000")
    assert page.status_code == 401
    assert secret_on(page.text) == secret


def test_replacing_the_authenticator_ends_the_old_one_and_the_old_recovery_codes(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    old_secret, old_codes = human.secret, human.recovery_codes
    browser.get("/account/totp")
    human.secret = secret_on(browser.page.text)
    assert human.secret != old_secret
    human.recovery_codes = codes_on(browser.submit("totp", code=world.totp(human)).text)
    fresh = world.browser()
    fresh.get("/signin")
    fresh.submit("signin", login=human.eid, password=PASSWORD)
    assert fresh.submit("factor", code=old_codes[0]).status_code == 401
    assert fresh.submit("factor", code=world.totp(human)).request.url.path == "/account"


def test_removing_the_authenticator_removes_the_recovery_codes_too(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    post(browser, "/account/totp/remove")
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    human.secret = ""
    assert small_world.sign_in(human).page.request.url.path == "/account"


def test_changing_how_one_signs_in_wants_a_fresh_sign_in(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    small_world.clock.move(timedelta(minutes=6))
    for path in ("/account/totp/remove", "/account/recovery-codes", "/account/password", "/account/totp"):
        assert post(browser, path).page.request.url.path == "/signin/step-up"
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Totp)) == 1


def test_new_recovery_codes_replace_the_old(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    codes = codes_on(post(browser, "/account/recovery-codes").page.text)
    assert not set(codes) & set(human.recovery_codes)
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecoveryCode)) == 10


def test_a_new_password_signs_every_other_browser_out(small_world: World) -> None:
    human = small_world.person()
    first = small_world.activate(human)
    second = small_world.sign_in(human)
    second.get("/account/password")
    page = second.submit("new-password", password="winter-snow-8", password2="winter-snow-8")
    assert page.request.url.path == "/account"
    assert first.get("/account").request.url.path == "/signin"
    other = small_world.browser()
    other.get("/signin")
    assert other.submit("signin", login=human.eid, password=PASSWORD).status_code == 401


def test_one_signs_ones_own_browsers_out_and_nobody_elses(small_world: World) -> None:
    human, other = small_world.person(), small_world.person("韩梅梅")
    first, second = small_world.activate(human), small_world.activate(other)
    with small_world.database.read() as session:
        rows = {row.person_id: row.id for row in session.scalars(select(SignInSession))}
    assert post(second, f"/account/sessions/{rows[human.id]}/end").page.status_code == 404
    assert first.get("/account").request.url.path == "/account"
    third = small_world.sign_in(human)
    post(third, f"/account/sessions/{rows[human.id]}/end")
    assert first.get("/account").request.url.path == "/signin"


def test_undoing_an_activation_takes_everything_away_that_opens_the_account(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    platform = world.platform()
    token = world.redeem(platform, world.code(platform, browser, scope="openid offline_access")).json()
    with world.database.write() as session:
        revoke_access(session, human.id, world.clock.now())
    assert browser.get("/account").request.url.path == "/signin"
    assert world.userinfo(token["access_token"]).status_code == 401
    other = world.browser()
    other.get("/signin")
    assert other.submit("signin", login=human.eid, password=PASSWORD).status_code == 401


def test_pages_come_in_english_and_stay_on_the_same_page(small_world: World) -> None:
    browser = small_world.browser()
    page = browser.get("/signin?next=/account&lang=en")
    assert "Person number" in page.text
    assert "个人编号" not in page.text
    assert "Person number" in browser.get("/signin").text
