"""Resource indicators (RFC 8707) at the authorization endpoint."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from idp.oauth.models import Grant
from tests.integration.idp.conftest import World, answer_of

API, FILES = "https://api.example/v1", "urn:example:files"


@pytest.mark.parametrize("uri", ["/v1", "api.example", "//api.example/v1", f"{API}#part", f"{API}#", "https:", "电"])
def test_rfc8707_2_a_resource_is_an_absolute_uri_without_a_fragment(small_world: World, uri: str) -> None:
    platform = small_world.platform(xinji_resources=[API, uri])
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(f"{small_world.request(platform)}&{urlencode({'resource': uri})}")
    assert answer_of(page)["error"] == "invalid_target"


def test_rfc8707_2_several_resources_may_stand_in_one_request(small_world: World) -> None:
    platform = small_world.platform(xinji_resources=[API, FILES])
    browser = small_world.activate(small_world.person(), factor=False)
    browser.get(f"{small_world.request(platform)}&{urlencode([('resource', API), ('resource', FILES)])}")
    answer_of(browser.submit("consent", decision="allow"))
    with small_world.database.read() as session:
        assert session.scalars(select(Grant)).one().resources == [API, FILES]


def test_rfc8707_2_an_unknown_resource_is_an_invalid_target(small_world: World) -> None:
    platform = small_world.platform(xinji_resources=[API])
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(f"{small_world.request(platform)}&{urlencode([('resource', API), ('resource', FILES)])}")
    assert answer_of(page)["error"] == "invalid_target"
