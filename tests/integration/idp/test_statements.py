"""How many statements the machine endpoints send, so that speed does not rot: each one more is a round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.integration.idp.conftest import World


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile, by their first word; SQLite's BEGIN is not one of them."""
    words: list[str] = []

    def note(*arguments: Any) -> None:
        word = str(arguments[2]).split(maxsplit=1)[0].upper()
        if word != "BEGIN":
            words.append(word)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield words
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def repeated(call: Callable[[], Any]) -> list[str]:
    """Return the statements of a second call: the first one fills the cache of clients."""
    assert call().status_code == 200
    with counted() as words:
        assert call().status_code == 200
    return words


@pytest.fixture
def access(world: World) -> tuple[Any, str, str]:
    """Give a platform and a person's tokens for it."""
    platform = world.platform()
    browser = world.activate(world.person(), factor=False)
    code = world.code(platform, browser, scope="openid profile offline_access")
    answer = world.redeem(platform, code).json()
    return platform, answer["access_token"], answer["refresh_token"]


def test_introspection_reads_once_and_writes_nothing(world: World, access: tuple[Any, str, str]) -> None:
    platform, token, _ = access
    assert repeated(lambda: world.post(platform, "/oauth/introspect", {"token": token})) == ["SELECT"]


def test_userinfo_reads_twice_and_writes_nothing(world: World, access: tuple[Any, str, str]) -> None:
    assert repeated(lambda: world.userinfo(access[1])) == ["SELECT", "SELECT"]


def test_a_token_for_the_platform_itself_is_one_insert(world: World) -> None:
    platform = world.platform(grant_types=["authorization_code", "client_credentials"])
    fields = {"grant_type": "client_credentials"}
    assert repeated(lambda: world.post(platform, "/oauth/token", fields)) == ["INSERT"]


def test_a_refresh_reads_once_marks_once_and_inserts_once(world: World, access: tuple[Any, str, str]) -> None:
    platform, _, refresh = access
    refresh = world.refresh(platform, refresh).json()["refresh_token"]
    with counted() as words:
        assert world.refresh(platform, refresh).status_code == 200
    assert words == ["SELECT", "UPDATE", "INSERT"]


def test_a_code_flow_of_somebody_who_is_signed_in_and_consented_is_nine_statements(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person(), factor=False)
    world.redeem(platform, world.code(platform, browser))
    with counted() as words:
        code = world.code(platform, browser)
    # Who is signed in (two), what they allowed; then their name there, the grant, the session's part.
    assert words == ["SELECT", "SELECT", "SELECT", "SELECT", "INSERT", "UPDATE"]
    with counted() as words:
        assert world.redeem(platform, code).status_code == 200
    assert words == ["SELECT", "UPDATE", "INSERT"]


def test_discovery_and_keys_ask_no_database(world: World) -> None:
    for path in ("/.well-known/openid-configuration", "/oauth/jwks.json"):
        assert repeated(lambda path=path: world.browser().http.get(path)) == []  # type: ignore[misc]
