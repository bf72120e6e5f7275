"""Registrations at the same moment: the database decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from idp.oauth.models import Client
from tests.integration.idp.conftest import World
from tests.integration.idp.registering import Registrar, update


def test_rfc7592_3_two_updates_at_once_leave_one_token(world: World) -> None:
    registrar = Registrar(world)
    made = registrar.registered()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: registrar.manage("PUT", made, update(made)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert registrar.manage("GET", winner).status_code == 200


def test_rfc7591_3_the_last_use_is_given_once(world: World) -> None:
    registrar = Registrar(world, uses=2)
    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(lambda _: registrar.register().status_code, range(5)))
    assert statuses == [201, 201, 401, 401, 401]
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 2
