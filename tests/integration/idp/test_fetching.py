"""Calls to addresses that platforms name, against real servers on loopback and an injected resolver."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from idp.oauth.errors import FetchError
from idp.oauth.fetching import AT_ONE_HOST, Fetcher, OnEventLoopError, off_loop
from tests.integration.idp.certificates import Pair, named, server_tls, trusting
from tests.integration.idp.outside import always, answer, outside

BODY = b'{"keys": []}'
NAME = "keys.example"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.1.2.3"],
        ["192.168.0.5"],
        ["169.254.169.254"],
        ["fe80::1%2"],
        ["fd00::1"],
        ["224.0.0.9"],
        ["240.0.0.1"],
        ["0.0.0.0"],  # noqa: S104 - refused
        ["::"],
        ["::ffff:127.0.0.1"],
        ["::ffff:8.8.8.8"],
        ["64:ff9b::a00:1"],
        ["100.100.100.200"],
        ["8.8.8.8", "10.0.0.1"],  # One that is not public spoils all.
        ["8.8.8.8", "::1"],
        [],
        ["no address"],
    ],
)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(addresses: list[str]) -> None:
    with pytest.raises(FetchError, match="not public"):
        Fetcher(resolve=lambda _host, _port: addresses).get("https://keys.example/jwks")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.1", "2130706433", "0x7f000001", "0"])
def test_the_systems_resolver_hides_no_loopback(host: str) -> None:
    with outside(always(answer(BODY))) as server, pytest.raises(FetchError):
        Fetcher().get(f"https://{host}:{server.port}/")
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/",
        "ftp://keys.example/",
        "file:///etc/passwd",
        "gopher://keys.example/",
        "//keys.example/",
        "keys.example",
        "",
        "https://",
        "https:///x",
        "https://user:secret@keys.example/",
        "https://keys.example\\@127.0.0.1/",
        "https://keys.example/ x",
        "https://keys.example/\r\nHost: inside",
        "https://密钥.example/",
        "https://keys.example:99999/",
        "https://keys.example:0/",
        "https://[::1",
        "https://keys.example/" + "x" * 2_000,
    ],
)
def test_an_address_that_is_not_plain_https_is_refused_unseen(url: str) -> None:
    looked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - a Resolve
        looked.append(host)
        return ["8.8.8.8"]

    with pytest.raises(FetchError):
        Fetcher(resolve=resolve).get(url)
    assert looked == []


def test_http_works_on_loopback_only_where_the_issuer_is_there() -> None:
    with outside(always(answer(BODY))) as server:
        url = f"http://127.0.0.1:{server.port}/jwks"
        assert Fetcher(allow_loopback=True).get(url) == BODY
        with pytest.raises(FetchError):
            Fetcher().get(url)
    assert len(server.requests) == 1
    with pytest.raises(FetchError, match="not public"):  # Nothing else private, and no http to the world.
        Fetcher(allow_loopback=True, resolve=lambda _host, _port: ["192.168.1.1"]).get("https://keys.example/")
    with pytest.raises(FetchError, match="not public"):
        Fetcher(allow_loopback=True, resolve=lambda _host, _port: ["8.8.8.8"]).get("http://keys.example/")
    with pytest.raises(FetchError, match="not public"):
        Fetcher(allow_loopback=True, resolve=lambda _host, _port: ["127.0.0.1", "8.8.8.8"]).get("http://keys.example/")


def test_a_slow_host_leaves_places_to_the_others() -> None:
    asked, go_on = threading.Semaphore(0), threading.Event()

    def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - a Resolve
        if host == "slow.example":
            asked.release()
            go_on.wait(10)
        return ["127.0.0.1"]

    with outside(always(answer(BODY))) as server, ThreadPoolExecutor(AT_ONE_HOST) as pool:
        fetcher = Fetcher(allow_loopback=True, resolve=resolve)
        slow = f"http://slow.example:{server.port}/"
        waiting = [pool.submit(fetcher.get, slow) for _ in range(AT_ONE_HOST)]
        assert all(asked.acquire(timeout=10) for _ in waiting)
        with pytest.raises(FetchError, match="being called already"):
            fetcher.get(slow)
        assert fetcher.get(f"http://{NAME}:{server.port}/") == BODY
        go_on.set()
        assert [call.result(10) for call in waiting] == [BODY] * AT_ONE_HOST
        assert fetcher.get(slow) == BODY


def test_ipv6_loopback_is_reached_by_its_literal() -> None:
    with outside(always(answer(BODY)), host="::1") as server:
        assert Fetcher(allow_loopback=True).get(f"http://[::1]:{server.port}/") == BODY
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


def test_the_name_is_looked_up_once_and_tls_is_checked_against_it(tmp_path: Path) -> None:
    authority = Pair(named("Test authority"))
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])  # A second look would be answered otherwise: DNS rebinding.
    with outside(always(answer(BODY)), tls=server_tls(tmp_path, authority, NAME)) as server:
        fetcher = Fetcher(allow_loopback=True, resolve=lambda _host, _port: next(answers), tls=trusting(authority))
        assert fetcher.get(f"https://{NAME}:{server.port}/jwks#part") == BODY
    assert server.names == [NAME]
    assert next(answers) == ["10.0.0.1"]
    head = server.requests[0]
    assert head.startswith(b"GET /jwks HTTP/1.1\r\n")
    assert f"Host: {NAME}:{server.port}".encode() in head
    assert b"cookie" not in head.lower()


def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    authority, other = Pair(named("Test authority")), Pair(named("Other authority"))
    with outside(always(answer(BODY)), tls=server_tls(tmp_path, authority, NAME)) as server:
        for url, trust in (
            (f"https://other.example:{server.port}/", authority),
            (f"https://{NAME}:{server.port}/", other),
        ):
            fetcher = Fetcher(allow_loopback=True, resolve=lambda _host, _port: ["127.0.0.1"], tls=trusting(trust))
            with pytest.raises(FetchError):
                fetcher.get(url)
    assert server.requests == []


@pytest.mark.parametrize(
    "whole",
    [
        answer(b"", status="302 Found", more=("Location: http://127.0.0.1:1/inside",)),
        answer(BODY, status="307 Temporary Redirect", more=("Location: /elsewhere",)),
        answer(BODY, status="404 Not Found"),
        answer(BODY, status="500 Oh"),
        answer(BODY, status="204 No Content"),
        answer(BODY, kind="text/html"),
        answer(BODY, kind="image/svg+xml"),
        answer(BODY, more=("Content-Encoding: gzip",)),
        answer(b"x" * 70_000),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + b"x" * 99,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        b"not http at all\r\n\r\n",
        b"",
    ],
)
def test_an_answer_of_another_kind_is_refused(whole: bytes) -> None:
    with outside(always(whole)) as server, pytest.raises(FetchError):
        Fetcher(allow_loopback=True, patience=2).get(f"http://127.0.0.1:{server.port}/")
    assert len(server.requests) == 1  # A redirect among them: nobody went on.


def endless(_request: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    for _ in range(10_000):
        yield b"x" * 65_536


def test_a_body_without_end_is_cut_off() -> None:
    with outside(endless) as server, pytest.raises(FetchError, match="too large"):
        Fetcher(allow_loopback=True).get(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_now_and_then_is_bounded_in_time(part: str) -> None:
    def drip(_request: bytes) -> Iterator[bytes]:
        if part == "body":
            yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        for _ in range(100):
            time.sleep(0.05)
            yield b"H"

    with outside(drip) as server:
        began = time.monotonic()
        with pytest.raises(FetchError, match="too long"):
            Fetcher(allow_loopback=True, patience=0.4).get(f"http://127.0.0.1:{server.port}/")
        assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_bounded_in_time() -> None:
    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(0.8)
        return ["127.0.0.1"]

    began = time.monotonic()
    with pytest.raises(FetchError, match="looking the name up"):
        Fetcher(allow_loopback=True, resolve=slow, patience=0.2).get("http://keys.example/")
    assert time.monotonic() - began < 0.7


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with outside(always(answer(BODY))) as proxy, outside(always(answer(BODY))) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        Fetcher(allow_loopback=True).get(f"http://127.0.0.1:{server.port}/")
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_a_post_sends_its_body_and_tells_the_status() -> None:
    with outside(always(answer(b"", status="400 Bad Request"))) as server:
        url = f"http://127.0.0.1:{server.port}/out"
        status = Fetcher(allow_loopback=True).post(
            url, b"logout_token=x", content_type="application/x-www-form-urlencoded"
        )
    assert status == 400
    assert server.requests[0].endswith(b"\r\n\r\nlogout_token=x")


def test_nothing_is_called_on_the_event_loop_but_in_a_thread() -> None:
    with outside(always(answer(BODY))) as server:
        fetcher, url = Fetcher(allow_loopback=True), f"http://127.0.0.1:{server.port}/"

        async def run() -> bytes:
            with pytest.raises(OnEventLoopError):
                fetcher.get(url)
            return await off_loop(lambda: fetcher.get(url))

        assert anyio.run(run) == BODY
    assert len(server.requests) == 1
