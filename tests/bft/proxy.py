"""A proxy in front of a node's JSON-RPC that answers late, twice, from the past, or with lies. On 127.0.0.1 only."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

SEND = "eth_sendRawTransaction"
RECEIPT = "eth_getTransactionReceipt"
TRANSACTION = "eth_getTransactionByHash"
Lie = Callable[[list[Any], Any], Any]
"""Parameters and the true result to what is said."""


class Proxy:
    """Begins honest. Methods are named in what a test sets."""

    def __init__(self, upstream: str) -> None:
        self.hangs: set[str] = set()
        """Handed on; the answer is kept until the caller has given up."""
        self.twice: set[str] = set()
        """Handed on twice; the second answer is given."""
        self.says: dict[str, str] = {}
        """Handed on; an error is said."""
        self.lies: dict[str, Lie] = {}
        self.swallows = False
        """Takes transactions and hands none on."""
        self.past: int | None = None
        """The block after which it knows nothing."""
        self.calls: list[str] = []
        self._upstream = upstream
        self._ended = threading.Event()
        self._client = httpx.Client(trust_env=False, timeout=10)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(proxy.answer(request)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A caller that gave up is what some tests want."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request["params"]
        self.calls.append(method)
        if method == SEND and self.swallows and method not in self.says:
            return {"jsonrpc": "2.0", "id": request["id"], "result": "0x" + "00" * 32}
        response = self._true_answer(request)
        if method in self.twice:
            response = self._ask(request)
        if method in self.hangs:
            self._ended.wait(15)
        if method in self.says:
            return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": self.says[method]}}
        if method in self.lies:
            return {**response, "result": self.lies[method](params, response.get("result"))}
        return response

    def _true_answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == SEND and self.swallows:
            return {}
        return self._from_the_past(request) if self.past is not None else self._ask(request)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._client.post(self._upstream, json=request).json()
        return found

    def _from_the_past(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask for the state at the block where its time stopped."""
        assert self.past is not None
        then = hex(self.past)
        if request["method"] == SEND:
            return {"id": request["id"], "jsonrpc": "2.0", "result": "0x" + "00" * 32}
        params = [then if part == "latest" else part for part in request["params"]]
        response = self._ask({**request, "params": params})
        result = response.get("result")
        if request["method"] == "eth_blockNumber":
            return {**response, "result": then}
        number = result.get("blockNumber") or result.get("number") if isinstance(result, dict) else None
        later = number is not None and int(number, 16) > self.past
        return {**response, "result": None} if later else response

    def height(self) -> int:
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return int(self._ask(body)["result"], 16)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self._client.close()
