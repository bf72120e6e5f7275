"""The check page with the reader's own chain node: asked at the page's own host only, kept in this browser."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.integration.credentials_verify.test_in_browser import (  # noqa: F401 - fixtures
    base,
    chromium,
    playwright,
    site,
    tab,
    verdict,
)
from tests.vectors.generate_anchors import FOLDER
from tests.vectors.making.anchor_cases import LARGER
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.tree import Tree
from xinji_client.node import LATEST

pytestmark = pytest.mark.browser


def vector(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return content


def upload(content: object) -> dict[str, Any]:
    return {"name": "x.json", "mimeType": "application/json", "buffer": json.dumps(content).encode()}


def check(page: Page, content: dict[str, Any]) -> str:
    page.set_input_files("#trust-file", upload(content["trust"]))  # type: ignore[arg-type]
    page.set_input_files("#file", upload(content["bundle"]))  # type: ignore[arg-type]
    verdict(page, content["expected"]["verdict"])
    return page.locator(".checks").inner_text()


def choose(page: Page, address: str) -> None:
    page.locator("summary", has_text="使用自己的链节点").click()
    page.fill("#node", address)
    page.get_by_role("button", name="使用这个节点").click()


def test_a_node_behind_this_host_confirms_the_anchor(base: str, chromium: Browser) -> None:  # noqa: F811
    content = vector("confirmed")
    asked: list[str] = []

    def node(route: Route) -> None:
        question: Any = route.request.post_data_json
        asked.append(question["method"])
        answers = content["node"]
        called = "latest" if LATEST in str(question["params"]) else "anchor"
        name = {"eth_chainId": "chain_id", "eth_getCode": "code", "eth_call": called}[question["method"]]
        route.fulfill(json={"jsonrpc": "2.0", "id": question["id"], "result": answers[name]})

    with tab(chromium) as page:
        page.clock.set_fixed_time(content["now"])
        page.route("**/node", node)
        page.goto(f"{base}/v")
        assert "没有向链上节点核对" in check(page, content)
        page.get_by_role("button", name="查验另一份").click()
        choose(page, "javascript:alert(1)")
        expect(page.locator("#notice")).to_contain_text("这不是网址")
        page.fill("#node", "/node")
        page.get_by_role("button", name="使用这个节点").click()
        expect(page.locator("#notice")).to_contain_text(f"{base}/node")
        assert "日志已存证到信任文件所列的链上" in check(page, content)
        assert asked == ["eth_chainId", "eth_getCode", "eth_call", "eth_call"]
        page.reload()
        assert "日志已存证到信任文件所列的链上" in check(page, content)
        page.get_by_role("button", name="查验另一份").click()
        choose(page, "")
        assert "没有向链上节点核对" in check(page, content)
        assert page.evaluate("localStorage.length") == 0


def test_growth_is_proved_from_the_log_s_files_at_this_host(base: str, chromium: Browser) -> None:  # noqa: F811
    """The credential was saved before anything was anchored; the page is the log's own host's."""
    content = vector("no_claim_latest_is_larger")
    trees: list[Tree] = []
    Recipe(watch=trees.append).make()
    trees[0].fill(LARGER)
    tile = b"".join(trees[0].h(b"\0" + entry) for entry in trees[0].entries)
    read: list[str] = []

    def host(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/node":
            question: Any = route.request.post_data_json
            called = "latest" if LATEST in str(question["params"]) else "anchor"
            name = {"eth_chainId": "chain_id", "eth_getCode": "code", "eth_call": called}[question["method"]]
            route.fulfill(json={"jsonrpc": "2.0", "id": question["id"], "result": content["node"][name]})
        elif path.startswith("/log/"):
            read.append(path)
            route.fulfill(body=tile if path == f"/log/tile/0/000.p/{LARGER}" else b"", status=200)
        else:
            route.fulfill(response=route.fetch(url=f"{base}{path}"))

    with tab(chromium) as page:
        page.clock.set_fixed_time(content["now"])
        page.route("http://henan.example/**", host)
        page.goto("http://henan.example/v")
        choose(page, "/node")
        assert "日志已存证到信任文件所列的链上" in check(page, content)
        assert read == [f"/log/tile/0/000.p/{LARGER}"]
        tile = bytes(len(tile))
        page.get_by_role("button", name="查验另一份").click()
        assert "日志已存证到信任文件所列的链上" not in check(page, content)


def test_the_page_of_this_host_reaches_no_other(base: str, chromium: Browser) -> None:  # noqa: F811
    """`connect-src 'self'`: a program smuggled into the page could otherwise send codes anywhere."""
    content = vector("confirmed")
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.clock.set_fixed_time(content["now"])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(f"{base}/v")
    choose(page, "http://127.0.0.1:9/elsewhere")
    assert "您的链节点没有应答" in check(page, content)
    assert all(url.startswith(base) for url in sent if not url.startswith(("data:", "blob:")))
    context.close()
