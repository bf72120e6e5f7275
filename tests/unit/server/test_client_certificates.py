"""Whose word counts for a client's certificate (RFC 9440): nobody's, unless it is our proxy."""

from __future__ import annotations

import base64
from typing import Any

import anyio
import pytest

from idp.oauth.requests import CERTIFICATE
from server.client_certificates import ClientCertificates

DER = b"\x30\x03\x02\x01\x05"
HEADER = (b"client-cert", b":" + base64.b64encode(DER) + b":")
KEY = "k" * 40
PROXY = (b"xinji-proxy-key", KEY.encode())
SOCKET = "/run/xinji/proxy"


def seen(headers: list[tuple[bytes, bytes]], *, server: Any = ("127.0.0.1", 8000), **trust: Any) -> tuple[Any, Any]:
    """Return what the application finds: the certificate, and the headers that are left."""
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI
        found.append((scope.get(CERTIFICATE), scope["headers"]))

    scope = {"type": "http", "headers": [(b"host", b"x"), *headers], "server": server, CERTIFICATE: b"smuggled"}
    wrapped: Any = ClientCertificates(app, **trust)
    anyio.run(wrapped, scope, None, None)
    certificate, left = found[0]
    return certificate, left


@pytest.mark.parametrize(
    ("headers", "server", "trust"),
    [
        ([HEADER], ("127.0.0.1", 8000), {}),
        ([HEADER, PROXY], ("127.0.0.1", 8000), {}),
        ([HEADER], (SOCKET, None), {}),
        ([HEADER], ("127.0.0.1", 8000), {"proxy_socket": SOCKET}),
        ([HEADER], (SOCKET, 80), {"proxy_socket": SOCKET}),
        ([HEADER], ("/run/other", None), {"proxy_socket": SOCKET}),
        ([HEADER], None, {"proxy_socket": SOCKET}),
        ([HEADER], ("127.0.0.1", 8000), {"proxy_key": KEY}),
        ([HEADER, (b"xinji-proxy-key", b"wrong")], ("127.0.0.1", 8000), {"proxy_key": KEY}),
        ([HEADER, (b"xinji-proxy-key", b"")], ("127.0.0.1", 8000), {"proxy_key": ""}),
        ([HEADER, PROXY, PROXY], ("127.0.0.1", 8000), {"proxy_key": KEY}),
    ],
)
def test_a_header_is_not_believed_and_taken_away(headers: Any, server: Any, trust: Any) -> None:
    assert seen(headers, server=server, **trust) == (None, [(b"host", b"x")])


def test_our_proxy_is_believed() -> None:
    assert seen([HEADER, PROXY], proxy_key=KEY) == (DER, [(b"host", b"x")])
    assert seen([HEADER], server=(SOCKET, None), proxy_socket=SOCKET) == (DER, [(b"host", b"x")])


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"::"],
        [b"MAMCAQU="],
        [b":MAMCAQU:"],
        [b":!:"],
        [b":MAMCAQU=:;a=1"],
        [b":MAMCAQU=:", b":MAMCAQU=:"],
        [b":" + b"A" * 20_000 + b":"],
    ],
)
def test_what_is_no_certificate_header_is_none(values: list[bytes]) -> None:
    headers = [(b"client-cert", value) for value in values]
    assert seen([*headers, PROXY], proxy_key=KEY) == (None, [(b"host", b"x")])


def test_chain_headers_are_taken_away_too() -> None:
    assert seen([(b"client-cert-chain", b":AA==:")]) == (None, [(b"host", b"x")])
