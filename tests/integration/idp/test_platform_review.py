"""Officers decide on platforms: who may, what follows, two at once, blocks that count at once, the six months."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idp.errors import IdpError
from idp.oauth.clients.registration import ClientCredentials
from idp.platforms import review
from idp.platforms.errors import DecidedAlreadyError
from idp.platforms.facts import filing_of
from idp.platforms.models import PlatformDecision
from idp.platforms.review import Reviewer
from kernel.audit import AuditEvent
from kernel.errors import NotFoundError
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.platform_world import BEIJING_FIRM, CALLBACK, COUNTY_SCHOOL, KAIFENG_FIRM


def sign_in_code(world: World, browser: PlainBrowser, platform: ClientCredentials, **changes: str) -> str:
    """Return a code that the platform gets at its own address."""
    page = browser.get(world.request(platform, redirect_uri=CALLBACK, **changes))
    if page.status_code == 200:
        page = browser.submit("consent", decision="allow")
    assert page.status_code == 303, page.text
    return str(page.headers["location"].split("code=", 1)[1].split("&", 1)[0])


def approved(world: World) -> tuple[PlainBrowser, PlainBrowser, ClientCredentials]:
    """Return developer, province officer, and a platform in use."""
    at.add_tree(world)
    developer = world.activate(world.person())
    _, officer = at.officer(world)
    client_id = at.file(developer)
    assert at.approve(officer, client_id).request.url.path == f"/officer/platforms/{client_id}"
    return developer, officer, ClientCredentials(client_id, at.new_secret(developer, client_id))


def test_an_approved_platform_signs_people_in_with_what_was_approved(world: World) -> None:
    at.add_tree(world)
    developer = world.activate(world.person())
    human, officer = at.officer(world)
    client_id = at.file(developer, scope=["profile", "aff", "eid"], need_eid="把成绩归到每个学生名下，不重名")
    at.approve(officer, client_id, scope=["profile"], valid_until="2026-12-31")
    client = world.idp.clients.get(client_id)
    assert client is not None
    assert client.metadata.scope == "openid profile"
    assert client.sector == "jiaoxue.example.edu.cn"
    assert client.expires_at is not None
    assert client.expires_at.astimezone(world.clock.now().tzinfo).isoformat() == "2026-12-31T15:59:59+00:00"
    platform = ClientCredentials(client_id, at.new_secret(developer, client_id))
    code = sign_in_code(world, world.activate(world.person("韩梅梅")), platform, scope="openid profile aff eid")
    tokens = world.redeem(platform, code, redirect_uri=CALLBACK).json()
    assert tokens["scope"] == "openid profile"
    with world.database.read() as session:
        facts = filing_of(session, client_id)
        assert facts is not None
        assert (facts.retention_days, facts.owner_code) == (180, at.ZHENGZHOU_FIRM)
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "platform.approved")).one()
    assert (event.actor, event.subject, event.organisation) == (human.id, client_id, "410000")
    world.clock.move(timedelta(days=185))
    assert world.idp.clients.get(client_id) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": ["profile", "aff", "eid"]}, "platform_widened"),
        ({"scope": ["root"]}, "platform_widened"),
        ({"valid_until": "2026-06-30"}, "platform_valid_until"),
        ({"valid_until": "2027-07-01"}, "platform_valid_until"),
        ({"valid_until": "9999-12-31"}, "platform_valid_until"),
        ({"valid_until": ""}, "platform_valid_until"),
    ],
)
def test_an_approval_that_breaks_a_rule_changes_nothing(
    small_world: World, changes: dict[str, str | list[str]], code: str
) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person(), factor=False)
    _, officer = at.officer(small_world)
    client_id = at.file(developer)
    page = at.approve(officer, client_id, **changes)
    assert (page.status_code, at.refused(page)) in {(422, code), (409, code)}
    assert at.client_row(small_world, client_id).state == "pending"
    assert at.filings(small_world, client_id)[0].state == "waiting"


def test_minors_need_a_look_and_without_it_they_cannot_sign_in(small_world: World) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person(), factor=False)
    _, officer = at.officer(small_world)
    pupil = small_world.activate(small_world.person("小明", born=date(2010, 5, 1)), factor=False)
    adults = at.file(developer)
    at.approve(officer, adults)
    page = pupil.get(small_world.request(ClientCredentials(adults, None), redirect_uri=CALLBACK))
    assert page.status_code == 403
    assert "minors_not_approved" in page.text
    both = at.file(developer, minors="yes", name="都可以用")
    page = at.approve(officer, both)
    assert (page.status_code, at.refused(page)) == (422, "platform_minors_unconfirmed")
    at.approve(officer, both, minors_confirmed="yes")
    page = pupil.get(small_world.request(ClientCredentials(both, None), redirect_uri=CALLBACK))
    assert page.status_code == 200, page.text
    assert "都可以用" in page.text


def test_a_refusal_says_why_and_the_developer_files_again(world: World) -> None:
    at.add_tree(world)
    developer = world.activate(world.person())
    _, officer = at.officer(world)
    client_id = at.file(developer)
    officer.get(f"/officer/platforms/{client_id}")
    assert at.refused(at.send(officer, "refuse", reason="  ")) == "platform_reason"
    assert at.refused(at.send(officer, "refuse", reason="x" * 301)) == "platform_too_long"
    at.send(officer, "refuse", reason="编号与登记的不符<b>")
    assert at.client_row(world, client_id).state == "refused"
    page = developer.get(f"/developer/clients/{client_id}")
    assert "编号与登记的不符&lt;b&gt;" in page.text
    at.file_again(developer, client_id)
    assert at.client_row(world, client_id).state == "pending"
    at.approve(officer, client_id)
    assert world.idp.clients.get(client_id) is not None


def test_a_change_waits_while_the_old_version_stays_in_force(world: World) -> None:
    developer, officer, platform = approved(world)
    new = "https://jiaoxue.example.edu.cn/neu"
    at.file_again(
        developer, platform.client_id, redirect_uris=new, scope=["profile"], purpose="另一用途", name="另一名"
    )
    client = world.idp.clients.get(platform.client_id)
    assert client is not None
    assert (client.name, client.purpose, client.metadata.redirect_uris) == (
        "示范教学平台",
        "布置和批改作业",
        (CALLBACK,),
    )
    human = world.activate(world.person("韩梅梅"))
    tokens = world.redeem(platform, sign_in_code(world, human, platform), redirect_uri=CALLBACK).json()
    assert world.userinfo(tokens["access_token"]).status_code == 200
    at.approve(officer, platform.client_id, scope=["profile"])
    client = world.idp.clients.get(platform.client_id)
    assert client is not None
    assert (client.name, client.metadata.redirect_uris, client.metadata.scope) == ("另一名", (new,), "openid profile")
    assert world.userinfo(tokens["access_token"]).status_code == 401  # `aff` fell away: nothing goes on telling it.
    assert client.check_client_secret(platform.client_secret or "")
    assert [each.state for each in at.filings(world, platform.client_id)] == ["replaced", "approved"]


def test_a_refused_change_leaves_what_is_in_force(small_world: World) -> None:
    developer, officer, platform = approved(small_world)
    at.file_again(developer, platform.client_id, redirect_uris="https://elsewhere.example.org/cb")
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "refuse", reason="域名不是主办单位的")
    client = small_world.idp.clients.get(platform.client_id)
    assert client is not None
    assert client.metadata.redirect_uris == (CALLBACK,)


def test_the_names_of_people_stay_when_an_approved_platform_moves(small_world: World) -> None:
    developer, officer, platform = approved(small_world)
    at.file_again(developer, platform.client_id, redirect_uris="https://neu.example.edu.cn/cb")
    at.approve(officer, platform.client_id)
    client = small_world.idp.clients.get(platform.client_id)
    assert client is not None
    assert client.sector == "jiaoxue.example.edu.cn"


def test_a_block_counts_at_once_and_can_be_taken_back(world: World) -> None:
    developer, officer, platform = approved(world)
    human = world.activate(world.person("韩梅梅"))
    tokens = world.redeem(platform, sign_in_code(world, human, platform), redirect_uri=CALLBACK).json()
    waiting = sign_in_code(world, human, platform)
    officer.get(f"/officer/platforms/{platform.client_id}")
    assert at.refused(at.send(officer, "block", block_reason="", how="block")) == "platform_reason"
    assert at.send(officer, "block", block_reason="泄露用户资料", how="block").status_code == 200
    assert world.userinfo(tokens["access_token"]).status_code == 401
    assert world.redeem(platform, waiting, redirect_uri=CALLBACK).status_code == 401
    page = human.get(world.request(platform, redirect_uri=CALLBACK))
    assert page.status_code == 400
    assert "泄露用户资料" in developer.get(f"/developer/clients/{platform.client_id}").text
    assert developer.get(f"/developer/platforms/{platform.client_id}/file").status_code == 409
    with pytest.raises(StopIteration):
        developer.form("secret")
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "unblock", block_reason="已整改")
    assert world.redeem(platform, waiting, redirect_uri=CALLBACK).status_code == 400
    assert world.userinfo(tokens["access_token"]).status_code == 401
    again = world.redeem(platform, sign_in_code(world, human, platform), redirect_uri=CALLBACK)
    assert again.status_code == 200
    with world.database.read() as session:
        kinds = [row.kind for row in session.scalars(select(PlatformDecision).order_by(PlatformDecision.at))]
    assert sorted(kinds) == sorted(["filed", "approved", "blocked", "opened"])


def test_after_a_removal_the_owner_files_nothing_for_six_months(world: World) -> None:
    _, officer, platform = approved(world)
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "block", block_reason="违规收集", how="remove")
    assert at.client_row(world, platform.client_id).state == "removed"
    world.clock.move(timedelta(days=182))
    developer = world.activate(world.person("再来"))
    developer.get("/developer/platforms/new")
    page = at.send(developer, "filing", **{**at.FILING, "name": "换个名字", "assessed_on": "2026-12-01"})
    assert (page.status_code, at.refused(page)) == (409, "platform_refile_too_soon")
    assert "2026-12-30" in page.text
    assert 'value="换个名字"' in page.text
    at.file(developer, owner_code=KAIFENG_FIRM, assessed_on="2026-12-01")
    world.clock.move(timedelta(days=2))
    at.file(world.activate(world.person("后来")), assessed_on="2026-12-01")


def test_a_removal_is_for_good(small_world: World) -> None:
    _, officer, platform = approved(small_world)
    reviewer = Reviewer(small_world.person("别人").id, "410000")
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "block", block_reason="违规收集", how="remove")
    with small_world.database.write() as session, pytest.raises(DecidedAlreadyError):
        review.unblock(session, platform.client_id, reason="x", reviewer=reviewer, now=small_world.clock.now())
    with small_world.database.write() as session, pytest.raises(DecidedAlreadyError):
        review.block(session, platform.client_id, reason="x", reviewer=reviewer, now=small_world.clock.now())


def test_nobody_decides_on_what_they_filed(small_world: World) -> None:
    at.add_tree(small_world)
    _, officer = at.officer(small_world)
    client_id = at.file(officer)
    page = officer.get(f"/officer/platforms/{client_id}")
    assert 'id="approve"' not in page.text
    (filing,) = at.filings(small_world, client_id)
    token = officer.form("block").fields["csrf_token"]
    form = {"csrf_token": token, "filing": str(filing.id), "scope": "profile", "valid_until": "2027-01-01"}
    refused = officer.http.post(f"/officer/platforms/{client_id}/approve", data=form)
    assert (refused.status_code, at.refused(refused)) == (403, "platform_own_filing")
    refused = officer.http.post(f"/officer/platforms/{client_id}/refuse", data={**form, "reason": "x"})
    assert refused.status_code == 403
    assert at.client_row(small_world, client_id).state == "pending"


def test_officers_see_the_platforms_of_their_part_of_the_tree(world: World) -> None:
    at.add_tree(world)
    developer = world.activate(world.person())
    ids = {
        "county": at.file(developer, name="金水平台"),
        "school": at.file(developer, name="学校平台", owner_code=COUNTY_SCHOOL),
        "kaifeng": at.file(developer, name="开封平台", owner_code=KAIFENG_FIRM),
        "beijing": at.file(developer, name="北京平台", owner_code=BEIJING_FIRM),
    }
    seen = {
        "410000": {"county", "school", "kaifeng", "beijing"},
        "410100": {"county", "school"},
        "410105": {"county", "school"},
        "410200": {"kaifeng"},
    }
    for code, expected in seen.items():
        human, browser = at.officer(world, code, f"官员{code}")
        page = browser.get("/officer/platforms")
        assert {name for name, client_id in ids.items() if client_id in page.text} == expected, code
        reviewer = Reviewer(human.id, code)
        for name, client_id in ids.items():
            found = browser.get(f"/officer/platforms/{client_id}").status_code
            assert found == (200 if name in expected else 404), (code, name)
            if name in expected:
                continue
            with world.database.write() as session, pytest.raises(NotFoundError):
                review.block(session, client_id, reason="x", reviewer=reviewer, now=world.clock.now())


def test_developers_are_no_officers(small_world: World) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person())
    client_id = at.file(developer)
    assert developer.get("/officer/platforms").status_code == 403
    assert developer.get(f"/officer/platforms/{client_id}").status_code == 403
    token = {"csrf_token": "x"}
    assert developer.http.post(f"/officer/platforms/{client_id}/approve", data=token).status_code == 403
    _, officer = at.officer(small_world)
    assert officer.http.post(f"/officer/platforms/{client_id}/block", data={"block_reason": "x"}).status_code == 403
    assert at.client_row(small_world, client_id).state == "pending"


def test_the_queue_is_searched_filtered_and_paged_on_the_server(small_world: World) -> None:
    _, officer, platform = approved(small_world)
    developer = small_world.activate(small_world.person("另一位"))
    waiting = at.file(developer, name="100%_平台")
    page = officer.get("/officer/platforms?q=100%25_")
    assert waiting in page.text
    assert waiting not in officer.get("/officer/platforms?q=1000_").text
    assert waiting in officer.get(f"/officer/platforms?q={at.ZHENGZHOU_FIRM[:10].lower()}").text
    assert platform.client_id not in page.text
    assert platform.client_id in officer.get("/officer/platforms?state=active").text
    assert platform.client_id not in officer.get("/officer/platforms?state=expiring").text
    assert officer.get("/officer/platforms?state=secret").status_code == 422
    small_world.clock.move(timedelta(days=340))
    _, officer = at.officer(small_world, name="新官")
    assert platform.client_id in officer.get("/officer/platforms?state=expiring").text


def test_of_two_officers_who_decide_at_once_one_is_told(world: World) -> None:
    at.add_tree(world)
    developer = world.activate(world.person())
    client_id = at.file(developer)
    (filing,) = at.filings(world, client_id)
    reviewers = [Reviewer(world.person(name, role="officer", at="410000").id, "410000") for name in ("甲官", "乙官")]
    gate, outcomes = threading.Barrier(2), []

    def decide(reviewer: Reviewer, *, agree: bool) -> None:
        gate.wait(10)
        try:
            with world.database.write() as session:
                if agree:
                    review.approve(
                        session,
                        client_id,
                        filing.id,
                        scopes=["profile"],
                        valid_until=date(2027, 1, 1),
                        minors_confirmed=False,
                        reviewer=reviewer,
                        now=world.clock.now(),
                    )
                else:
                    review.refuse(
                        session, client_id, filing.id, reason="不行", reviewer=reviewer, now=world.clock.now()
                    )
            outcomes.append("done")
        except IdpError as error:
            outcomes.append(error.code)

    threads = [
        threading.Thread(target=decide, args=(who,), kwargs={"agree": n == 0}) for n, who in enumerate(reviewers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["done", "platform_decided"]
    with world.database.read() as session:
        decided = session.scalars(select(PlatformDecision.kind).where(PlatformDecision.kind != "filed")).all()
    assert len(decided) == 1
    assert at.filings(world, client_id)[0].state == decided[0]


def test_an_approval_of_a_version_that_was_replaced_meanwhile_does_nothing(small_world: World) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person())
    _, officer = at.officer(small_world)
    client_id = at.file(developer)
    officer.get(f"/officer/platforms/{client_id}")
    form = officer.form("approve")
    at.file_again(developer, client_id, redirect_uris="https://evil.example.org/cb")
    data = {"csrf_token": form.fields["csrf_token"], "filing": form.fields["filing"], "valid_until": "2027-01-01"}
    page = officer.http.post(form.action, data=data)
    assert (page.status_code, at.refused(page)) == (409, "platform_decided")
    assert at.client_row(small_world, client_id).state == "pending"


def test_the_consent_page_says_what_was_approved(small_world: World) -> None:
    _, _, platform = approved(small_world)
    human = small_world.activate(small_world.person("韩梅梅"), factor=False)
    page = human.get(small_world.request(platform, redirect_uri=CALLBACK, scope="openid profile"))
    for text in ("在作业上显示姓名", "180", "service@example.edu.cn", at.ZHENGZHOU_FIRM):
        assert text in page.text
    assert "按学校和年级分班" not in page.text  # `aff` is not asked for this time.
