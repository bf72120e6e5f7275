"""RFC 7592: OAuth 2.0 Dynamic Client Registration Management."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from idp.oauth.models import Client, ClientToken
from kernel.ids import new_token
from tests.integration.idp.conftest import World
from tests.integration.idp.registering import CALLBACK, PROVIDERS, Registrar, error_of, update

SECOND = "https://platform.example/second"


@pytest.fixture
def registrar(small_world: World) -> Registrar:
    return Registrar(small_world)


def revoke(registrar: Registrar, client_id: str, secret: str) -> int:
    answer = registrar.world.browser().http.post("/oauth/revoke", data={"token": "x"}, auth=(client_id, secret))
    return int(answer.status_code)


def test_rfc7592_2_the_access_token_is_the_clients_own(registrar: Registrar) -> None:
    made, other = registrar.registered(), registrar.registered()
    for token in (other["registration_access_token"], registrar.token, "xra_wrong", made["client_secret"]):
        for method in ("GET", "PUT", "DELETE"):
            answer = registrar.manage(method, made, update(made), token=token)
            assert error_of(answer, 401) == "invalid_token"
    path = made["registration_client_uri"].removeprefix(registrar.world.issuer)
    assert error_of(registrar.call("GET", path, None), 401) == "invalid_token"
    assert registrar.manage("GET", made).status_code == 200


def test_rfc7592_2_an_unknown_client_is_answered_alike(registrar: Registrar) -> None:
    made = registrar.registered()
    gone = {**made, "registration_client_uri": f"{registrar.world.issuer}/oauth/register/xc_nobody"}
    wrong = registrar.manage("GET", made, token="xra_wrong")
    assert (registrar.manage("GET", gone).status_code, registrar.manage("GET", gone).text) == (401, wrong.text)


def test_rfc7592_2_reviewed_platforms_have_no_such_token(registrar: Registrar) -> None:
    platform = registrar.world.platform()
    document = {"registration_client_uri": f"{registrar.world.issuer}/oauth/register/{platform.client_id}"}
    for token in ("", "None", str(platform.client_secret)):
        assert registrar.manage("GET", document, token=token or "x").status_code == 401


def test_rfc7592_2_1_read(registrar: Registrar) -> None:
    made = registrar.registered(client_name="平台甲")
    answer = registrar.manage("GET", made)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    secret = {"client_secret", "client_secret_expires_at"}
    assert answer.json() == {name: value for name, value in made.items() if name not in secret}


def test_rfc7592_2_2_update_replaces_everything(registrar: Registrar) -> None:
    made = registrar.registered(logo_uri="https://platform.example/logo.png", contacts=["a@platform.example"])
    body = {"client_id": made["client_id"], "redirect_uris": [SECOND], "client_name": "新名"}
    answer = registrar.manage("PUT", made, body)
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["redirect_uris"], changed["client_name"]) == ([SECOND], "新名")
    assert not {"logo_uri", "contacts"} & changed.keys()
    assert changed["client_id"] == made["client_id"]
    assert revoke(registrar, made["client_id"], made["client_secret"]) == 200


def test_rfc7592_2_2_client_id_is_required_and_the_same(registrar: Registrar) -> None:
    made = registrar.registered()
    for wrong in (None, "", "xc_other", 7):
        assert error_of(registrar.manage("PUT", made, update(made, client_id=wrong))) == "invalid_client_metadata"


def test_rfc7592_2_2_a_client_secret_is_the_present_one(registrar: Registrar) -> None:
    made = registrar.registered()
    for wrong in ("x", "", 7):
        assert error_of(registrar.manage("PUT", made, update(made, client_secret=wrong))) == "invalid_client_metadata"
    assert registrar.manage("PUT", made, update(made)).status_code == 200


@pytest.mark.parametrize("member", PROVIDERS)
def test_rfc7592_2_2_members_of_the_provider_are_refused(registrar: Registrar, member: str) -> None:
    made = registrar.registered()
    body = update(made, **{member: made[member]})
    assert error_of(registrar.manage("PUT", made, body)) == "invalid_client_metadata"


def test_rfc7592_2_2_a_refused_update_changes_nothing(registrar: Registrar) -> None:
    made = registrar.registered()
    before = registrar.manage("GET", made).json()
    body = update(made, redirect_uris=["http://platform.example/"])
    assert error_of(registrar.manage("PUT", made, body)) == "invalid_redirect_uri"
    assert registrar.manage("GET", made).json() == before


def test_rfc7592_2_2_another_way_to_authenticate_ends_or_makes_a_secret(registrar: Registrar) -> None:
    made = registrar.registered()
    public = update(made, token_endpoint_auth_method="none", client_secret=None)
    changed = registrar.manage("PUT", made, public).json()
    assert "client_secret" not in changed
    assert revoke(registrar, made["client_id"], made["client_secret"]) == 401
    again = update(changed, token_endpoint_auth_method="client_secret_basic")
    confidential = registrar.manage("PUT", changed, again).json()
    assert confidential["client_secret"] != made["client_secret"]
    assert revoke(registrar, made["client_id"], confidential["client_secret"]) == 200


def test_rfc7592_2_3_delete_ends_the_client_and_its_tokens(registrar: Registrar) -> None:
    made = registrar.registered()
    world = registrar.world
    now = world.clock.now()
    with world.database.write() as session:
        session.add(
            ClientToken(
                access_hash=new_token(24).encode(),
                client_id=made["client_id"],
                scope="openid",
                issued_at=now,
                expires_at=world.clock.now().replace(year=now.year + 1),
            )
        )
    assert revoke(registrar, made["client_id"], made["client_secret"]) == 200
    answer = registrar.manage("DELETE", made)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert revoke(registrar, made["client_id"], made["client_secret"]) == 401
    for method in ("GET", "PUT", "DELETE"):
        assert registrar.manage(method, made, update(made)).status_code == 401
    with world.database.read() as session:
        live = select(func.count()).select_from(ClientToken).where(ClientToken.revoked_at.is_(None))
        assert session.scalar(live) == 0


def test_rfc7592_3_the_answer_has_uri_and_token(registrar: Registrar) -> None:
    made = registrar.registered()
    assert made["registration_client_uri"] == f"{registrar.world.issuer}/oauth/register/{made['client_id']}"
    assert len(made["registration_access_token"]) > 40
    read = registrar.manage("GET", made).json()
    assert read["registration_access_token"] == made["registration_access_token"]


def test_rfc7592_3_an_update_rotates_the_token(registrar: Registrar) -> None:
    made = registrar.registered()
    changed = registrar.manage("PUT", made, update(made)).json()
    assert changed["registration_access_token"] != made["registration_access_token"]
    assert registrar.manage("GET", made).status_code == 401
    assert registrar.manage("GET", changed).status_code == 200


def test_rfc7592_2_a_blocked_platform_is_not_managed(registrar: Registrar) -> None:
    made = registrar.registered()
    with registrar.world.database.write() as session:
        session.get_one(Client, made["client_id"]).state = "blocked"
    assert registrar.manage("PUT", made, update(made, redirect_uris=[CALLBACK])).status_code == 401
    assert registrar.manage("DELETE", made).status_code == 401
    with registrar.world.database.read() as session:
        assert session.get_one(Client, made["client_id"]).state == "blocked"
