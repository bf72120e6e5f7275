"""The client's certificate, as a trusted proxy hands it on (RFC 9440): believed from nobody else.

A proxy ends TLS, asks for a certificate and, for `tls_client_auth`, checks its chain. It is
trusted where it comes over our own Unix socket, or where it sends the proxy key. By default
there is neither, and nobody is believed. The headers are taken away in any case, so that
nothing behind here can read one that a client sent.

What a trusted proxy must do: remove these headers from what clients send (RFC 9440 §4).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from crypto.hashes import equal, sm3
from idp.oauth.requests import CERTIFICATE

HEADER: Final = b"client-cert"
CHAIN: Final = b"client-cert-chain"
PROXY_KEY: Final = b"xinji-proxy-key"
TAKEN: Final = frozenset({HEADER, CHAIN, PROXY_KEY})
MAX_HEADER: Final = 16 * 1024
_BYTE_SEQUENCE: Final = re.compile(rb":([A-Za-z0-9+/]*={0,2}):")  # RFC 8941 §3.3.5.


class ClientCertificates:
    """Wraps an application; puts a certificate that may be believed into the scope."""

    def __init__(self, app: ASGIApp, *, proxy_key: str | None = None, proxy_socket: str | None = None) -> None:
        """`proxy_socket` is the path of the Unix socket on which only the proxy speaks to us."""
        self._app = app
        self._proxy_key = sm3(proxy_key.encode()) if proxy_key else None
        self._proxy_socket = proxy_socket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers taken away."""
        if scope["type"] == "http":
            scope.pop(CERTIFICATE, None)
            taken = [pair for pair in scope["headers"] if pair[0] in TAKEN]
            if taken:
                scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in TAKEN]
                if self._trusts(scope, taken):
                    scope[CERTIFICATE] = _certificate(taken)
        await self._app(scope, receive, send)

    def _trusts(self, scope: Scope, taken: list[tuple[bytes, bytes]]) -> bool:
        server: Any = scope.get("server")
        if self._proxy_socket is not None and server and tuple(server) == (self._proxy_socket, None):
            return True
        keys = [value for name, value in taken if name == PROXY_KEY]
        return self._proxy_key is not None and len(keys) == 1 and equal(sm3(keys[0]), self._proxy_key)


def _certificate(taken: list[tuple[bytes, bytes]]) -> bytes | None:
    """Return the certificate in DER; one that stands twice, or cannot be read, is none."""
    values = [value for name, value in taken if name == HEADER]
    found = _BYTE_SEQUENCE.fullmatch(values[0].strip()) if len(values) == 1 and len(values[0]) <= MAX_HEADER else None
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True) or None
    except (binascii.Error, ValueError):
        return None
