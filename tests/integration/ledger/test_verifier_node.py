"""`xinji-verify --rpc`: the client against a JSON-RPC server in front of a real chain, and against lying ones."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crypto.encoding import from_b64
from kernel.clock import ManualClock
from ledger.chain.base import AnchorCall, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from tests.vectors.making.keys import b64
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.tree import Tree
from tests.vectors.making.world import NOW, ORIGIN, trust_file, trust_payload
from xinji_client.cli import main

CHECKPOINT, LARGER = 21, 300
Answer = Callable[[dict[str, Any]], Any]


class Node:
    """A node's JSON-RPC on 127.0.0.1; `answer` turns a request into what is sent back. It counts what it is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request["method"])
                answer = node.answer(request)
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join(5)


class Place:
    """A bundle, a trust file, and a chain on which trees of the bundle's log are anchored."""

    def __init__(self, folder: Path) -> None:
        trees: list[Tree] = []
        self.bundle = Recipe(watch=trees.append).make()
        (self.tree,) = trees
        self.tree.fill(LARGER)
        self.folder = folder
        self.chain = EmbeddedChain(folder / "chain", bytes(32), clock=ManualClock(datetime(2026, 6, 30, tzinfo=UTC)))
        self.log_id = log_id_of(ORIGIN)
        self.chain.deploy(self.log_id, TreeAlg.SM3)
        self.head = (0, bytes(32))

    def anchor(self, size: int, root: bytes | None = None) -> None:
        root = root or self.tree.root(0, size)
        call = AnchorCall(self.log_id, size, root, *self.head)
        transaction = self.chain.sign(call.call, nonce=self.chain.next_nonce())
        self.chain.send(transaction)
        receipt = self.chain.receipt(transaction.tx_hash)
        assert receipt is not None
        assert receipt.succeeded
        self.head = (size, root)

    def claim(self, size: int | None, **more: Any) -> None:
        self.bundle["anchor"] = None
        if size is not None:
            root = b64(self.tree.root(0, size))
            named = {"mode": "rpc", "chain_id": self.chain.chain_id, "contract": self.chain.contract}
            self.bundle["anchor"] = named | {"size": size, "root": root} | more

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer from the chain's own web3, as a node would."""
        web3 = self.chain._web3

        def result() -> Any:
            method, params = request["method"], request["params"]
            if method == "eth_chainId":
                return hex(self.chain.chain_id)  # eth-tester names a fixed one of its own.
            if method == "eth_getCode":
                return web3.eth.get_code(web3.to_checksum_address(params[0])).to_0x_hex()
            call: Any = {"to": web3.to_checksum_address(params[0]["to"]), "data": params[0]["data"]}
            return web3.eth.call(call).to_0x_hex()

        value = self.chain._run(result)
        return {"jsonrpc": "2.0", "id": request["id"], "result": value}

    def verify(
        self, capsys: pytest.CaptureFixture[str], *options: str, mode: str = "rpc"
    ) -> tuple[int, dict[str, Any]]:
        payload = trust_payload()
        contract, number = self.chain.contract, self.chain.chain_id
        payload["chains"] = [{"id": "c", "mode": mode, "chain_id": number, "contract": contract, "endorsers": []}]
        trust, file = self.folder / "trust.json", self.folder / "one.xinji.json"
        trust.write_text(json.dumps(trust_file(payload)))
        file.write_text(json.dumps(self.bundle))
        now = datetime.fromtimestamp(NOW, UTC)
        capsys.readouterr()
        status = main([str(file), "--trust", str(trust), "--json", *options], now=now, environment={})
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return status, next(step for step in report["steps"] if step["step"] == "anchor")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.chain.close()


def test_the_node_confirms_what_the_bundle_claims(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.anchor(CHECKPOINT)
    place.claim(CHECKPOINT)
    node = Node(place.answer)
    with node.serving() as url:
        status, step = place.verify(capsys, "--rpc", url)
        assert (status, step["code"]) == (0, "anchor_ok")
        assert step["evidence"]["size"] == CHECKPOINT
        assert node.asked == ["eth_chainId", "eth_getCode", "eth_call", "eth_call"]
        place.claim(None)
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_ok"
        # An embedded chain adds no evidence, whoever asks it.
        place.claim(CHECKPOINT)
        assert place.verify(capsys, "--rpc", url, mode="embedded")[1]["code"] == "anchor_embedded"
    asked = len(node.asked)
    assert place.verify(capsys)[1]["code"] == "anchor_not_checked"
    assert len(node.asked) == asked


def test_a_larger_anchored_tree_needs_its_growth_proved(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.anchor(13)
    place.anchor(LARGER)
    with Node(place.answer).serving() as url:
        place.claim(LARGER)
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_no_consistency"
        proof = [b64(node) for node in place.tree.consistency(CHECKPOINT, LARGER)]
        place.claim(LARGER, consistency=proof)
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_ok"
        place.claim(LARGER, consistency=[b64(bytes(32)), *proof[1:]])
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_not_consistent"
        place.claim(None)
        with serving_files(tile_files(place.tree)) as log:
            assert place.verify(capsys, "--rpc", url, "--log", log)[1]["code"] == "anchor_ok"
            assert place.verify(capsys, "--rpc", url, "--log", f"{log}/nowhere")[1]["code"] == "anchor_no_consistency"
        place.claim(34)
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_not_found"


def test_a_rewritten_log_contradicts_the_chain(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.anchor(CHECKPOINT, root=bytes(range(32)))
    place.claim(CHECKPOINT)
    with Node(place.answer).serving() as url:
        status, step = place.verify(capsys, "--rpc", url)
    assert (status, step["code"]) == (1, "anchor_node_contradicts")


def test_a_node_that_is_not_there_behind_or_elsewhere(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.anchor(13)
    place.claim(CHECKPOINT)

    def replaced(method: str, result: Any) -> Answer:
        return lambda request: (
            {"jsonrpc": "2.0", "id": 1, "result": result} if request["method"] == method else place.answer(request)
        )

    def refusing(_request: dict[str, Any]) -> Any:
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}}

    for answer, code in (
        (place.answer, "anchor_node_behind"),
        (replaced("eth_chainId", "0x1"), "anchor_node_other_chain"),
        (replaced("eth_getCode", "0x"), "anchor_node_no_contract"),
        (replaced("eth_call", "0x"), "anchor_node_malformed"),
        (refusing, "anchor_node_malformed"),
        (lambda _: b"not json", "anchor_node_malformed"),
        (lambda _: b"[]", "anchor_node_malformed"),
        (lambda _: {"jsonrpc": "2.0", "id": 2, "result": "0x1"}, "anchor_node_malformed"),
        (lambda _: b"0" * (1 << 21), "anchor_node_unreachable"),
    ):
        with Node(answer).serving() as url:
            status, step = place.verify(capsys, "--rpc", url)
        assert (status, step["code"]) == (0, code)
    status, step = place.verify(capsys, "--rpc", url)  # Nobody listens there any more.
    assert (status, step["code"]) == (0, "anchor_node_unreachable")


def test_a_lying_node_is_caught_where_it_contradicts_itself_or_the_log(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers for a root of its own: the log's signed checkpoint does not know it."""
    place.anchor(CHECKPOINT)
    place.claim(CHECKPOINT)
    true_root, lie = place.tree.root(0, CHECKPOINT).hex(), "ab" * 32

    def lying(request: dict[str, Any]) -> bytes:
        return json.dumps(place.answer(request)).replace(true_root, lie).encode()

    with Node(lying).serving() as url:
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_node_contradicts"
    seen: list[str] = []

    def only_latest(request: dict[str, Any]) -> Any:
        seen.append(request["method"])
        answer = place.answer(request)
        if seen.count("eth_call") == 2:
            answer["result"] = answer["result"].replace(true_root, lie)
        return answer

    with Node(only_latest).serving() as url:
        assert place.verify(capsys, "--rpc", url)[1]["code"] == "anchor_node_malformed"


def test_the_log_is_not_asked_without_a_node(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        place.verify(capsys, "--log", "http://127.0.0.1:9")
    assert refused.value.code == 2


def tile_files(tree: Tree) -> dict[str, bytes]:
    """The log's tiles at LARGER entries: one full and one partial of level 0, one of level 1."""
    leaves = [tree.h(b"\0" + entry) for entry in tree.entries]
    return {
        "/tile/0/000": b"".join(leaves[:256]),
        f"/tile/0/001.p/{LARGER - 256}": b"".join(leaves[256:LARGER]),
        "/tile/1/000.p/1": tree.root(0, 256),
    }


@contextmanager
def serving_files(files: dict[str, bytes]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


def test_the_vectors_tree_is_the_contract_s_tree(place: Place) -> None:
    place.anchor(CHECKPOINT)
    assert place.chain.latest_anchor(place.log_id).root == from_b64(b64(place.tree.root(0, CHECKPOINT)))
