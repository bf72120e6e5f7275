"""The log's side of tlog-witness: what is believed of a witness's answer, and how it may fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from crypto.hashes import sm3
from crypto.keys import ED25519, generate_key
from ledger import witnessing
from ledger.errors import (
    WitnessConflictError,
    WitnessError,
    WitnessForgotError,
    WitnessForkError,
    WitnessRefusedError,
    WitnessUnavailableError,
)
from ledger.formats.checkpoint import Checkpoint, Organisation, Signed, cosignature_by, message_at
from ledger.formats.merkle import TreeHead, leaf_hash, nodes_of, prove_consistency, root
from ledger.formats.note import Note, Signature
from ledger.formats.proof_text import AddCheckpoint, parse_add_checkpoint
from ledger.formats.vkey import Kind, VerifierKey
from ledger.witnessing import HttpWitness, Post, Tree, WitnessClient, ask

NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
TIME = int(NOW.timestamp())
LEAVES = [leaf_hash(sm3, bytes([at])) for at in range(8)]
CHECKPOINT = Checkpoint("example.org/log", TreeHead(8, root(sm3, LEAVES)))
SIGNED = Signed(CHECKPOINT, Note(str(CHECKPOINT), (Signature("example.org/log", b"abcd", b"log"),)))
PRIVATE = generate_key(ED25519)
KEY = VerifierKey("w.example/w", Kind.ED25519_COSIGNATURE, PRIVATE.public)
SIZE = "text/x.tlog.size"
Told = tuple[int, str, bytes]


def line(time: int = TIME, key: VerifierKey = KEY) -> Signature:
    return cosignature_by(key, PRIVATE.sign(message_at(key, CHECKPOINT, time)), time=time)


def saying(*answers: Told, asked: list[bytes] | None = None) -> Post:
    turns = iter(answers)

    def post(body: bytes) -> Told:
        if asked is not None:
            asked.append(body)
        return next(turns)

    return post


def cosigned(post: Post, *, known_size: int = 0) -> tuple[Signature, ...]:
    tree = Tree(sm3, nodes_of(sm3, LEAVES), 8)
    organisation = Organisation("A", (KEY,))
    return ask(WitnessClient("A", post), organisation, SIGNED, tree, known_size=known_size, now=NOW)


def ok(*lines: Signature) -> Told:
    return 200, "text/plain", "".join(map(str, lines)).encode()


def test_lines_by_unknown_keys_are_left_out() -> None:
    stranger = Signature("x.example", b"abcd", b"sig")
    assert cosigned(saying(ok(stranger, line()))) == (line(),)


def test_the_size_a_witness_names_is_where_the_next_proof_begins() -> None:
    asked: list[bytes] = []
    assert cosigned(saying((409, SIZE, b"3\n"), ok(line()), asked=asked), known_size=5) == (line(),)
    requests = [parse_add_checkpoint(body.decode()) for body in asked]
    assert [request.old_size for request in requests] == [5, 3]
    assert requests[1].path == prove_consistency(sm3, LEAVES, 3)
    assert requests[1].checkpoint == str(SIGNED.note)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([(409, SIZE, b"9\n")], WitnessConflictError),  # It is ahead.
        ([(409, SIZE, b"0\n")], WitnessConflictError),  # It names what it was asked from.
        ([(409, SIZE, b"8\n"), (409, "text/plain", b"fork")], WitnessForkError),
        ([(409, SIZE, b"1\n"), (409, SIZE, b"2\n"), (409, SIZE, b"3\n")], WitnessUnavailableError),
        ([(409, SIZE, b"-1\n")], WitnessUnavailableError),
        ([(409, SIZE, b"")], WitnessUnavailableError),
        ([(409, SIZE, b"1" * 99)], WitnessUnavailableError),
        ([(403, "text/plain", b"")], WitnessRefusedError),
        ([(404, "text/plain", b"")], WitnessRefusedError),
        ([(422, "text/plain", b"")], WitnessForkError),
        ([(400, "text/plain", b"")], WitnessUnavailableError),
        ([(500, "text/plain", b"")], WitnessUnavailableError),
        ([(301, "text/plain", b"")], WitnessUnavailableError),
        ([(200, "text/plain", b"")], WitnessUnavailableError),
        ([(200, "text/html", b"<html>")], WitnessUnavailableError),
        ([(200, "text/plain", b"\xff\n")], WitnessUnavailableError),
        ([ok(Signature("x.example", b"abcd", b"sig"))], WitnessRefusedError),
        ([ok(line()._replace(value=bytes(72)))], WitnessRefusedError),
        ([ok(line(TIME + 601))], WitnessUnavailableError),
        ([ok(line(TIME - 601))], WitnessUnavailableError),
    ],
)
def test_how_a_witness_fails(answers: list[Told], error: type[WitnessError]) -> None:
    with pytest.raises(WitnessError) as caught:
        cosigned(saying(*answers))
    assert type(caught.value) is error


OLD = Checkpoint("example.org/log", TreeHead(5, root(sm3, LEAVES[:5])))
OTHER = VerifierKey("w.example/second", Kind.ED25519_COSIGNATURE, generate_key(ED25519).public)
BY_US = Note(str(OLD), (cosignature_by(KEY, PRIVATE.sign(message_at(KEY, OLD, TIME)), time=TIME),))
BY_ANOTHER = Note(str(OLD), (cosignature_by(OTHER, bytes(64), time=TIME),))


def reminded(post: Post, published: Note) -> tuple[Signature, ...]:
    tree = Tree(sm3, nodes_of(sm3, LEAVES), 8)
    organisation = Organisation("A", (KEY, OTHER))
    return ask(WitnessClient("A", post), organisation, SIGNED, tree, known_size=5, now=NOW, published=published)


def test_a_witness_that_names_less_than_it_signed_is_shown_its_signature() -> None:
    asked: list[bytes] = []
    with pytest.raises(WitnessForgotError) as forgot:
        reminded(
            saying((409, SIZE, b"3\n"), (200, "text/plain", str(BY_US.signatures[0]).encode()), asked=asked), BY_US
        )
    assert forgot.value.params == {"cosigned": 5, "remembers": 3}
    request = parse_add_checkpoint(asked[1].decode())
    assert (request.old_size, request.checkpoint) == (3, str(BY_US))
    assert request.path == prove_consistency(sm3, LEAVES[:5], 3)
    with pytest.raises(WitnessForgotError):
        reminded(saying((409, SIZE, b"3\n"), (503, "text/plain", b"retired")), BY_US)
    with pytest.raises(WitnessUnavailableError):
        reminded(saying((409, SIZE, b"3\n"), (500, "text/plain", b"")), BY_US)


def test_an_organisation_s_second_witness_that_was_away_catches_up() -> None:
    asked: list[bytes] = []
    post = saying((409, SIZE, b"3\n"), (200, "text/plain", str(BY_US.signatures[0]).encode()), ok(line()), asked=asked)
    assert reminded(post, BY_ANOTHER) == (line(),)
    assert [parse_add_checkpoint(body.decode()).old_size for body in asked] == [5, 3, 5]


@pytest.mark.parametrize("time", [TIME - 600, TIME + 600])
def test_a_clock_may_be_off_by_ten_minutes(time: int) -> None:
    assert cosigned(saying(ok(line(time)))) == (line(time),)


def test_a_log_s_line_is_no_cosignature() -> None:
    key = VerifierKey("w.example/w", Kind.ED25519, PRIVATE.public)
    made = Signature(key.name, key.key_id, PRIVATE.sign(str(CHECKPOINT).encode()))
    tree = Tree(sm3, nodes_of(sm3, LEAVES), 8)
    with pytest.raises(WitnessRefusedError):
        ask(WitnessClient("A", saying(ok(made))), Organisation("A", (key,)), SIGNED, tree, known_size=0, now=NOW)


REQUEST = AddCheckpoint(0, (), str(SIGNED.note))


@pytest.fixture
def served() -> Iterator[Callable[[Sequence[Told]], str]]:
    """Serve fixed answers over real HTTP on 127.0.0.1; return the address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: Sequence[Told]) -> str:
        turns = iter(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/w/add-checkpoint"
                assert self.rfile.read(int(self.headers["content-length"])) == str(REQUEST).encode()
                status, media_type, body = next(turns)
                self.send_response(status)
                self.send_header("Content-Type", media_type + "; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/w/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_over_http(served: Callable[[Sequence[Told]], str]) -> None:
    witness = HttpWitness("A", served([ok(line()), (409, SIZE, b"7\n"), (200, "text/plain", b"x" * 100_000)]))
    assert witness.add_checkpoint(REQUEST) == (line(),)
    with pytest.raises(WitnessConflictError) as caught:
        witness.add_checkpoint(REQUEST)
    assert caught.value.tree_size == 7
    with pytest.raises(WitnessUnavailableError, match="too long"):
        witness.add_checkpoint(REQUEST)
    witness.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "nonsense", "http://\n"])
def test_nobody_there(url: str) -> None:
    witness = HttpWitness("A", url)
    with pytest.raises(WitnessUnavailableError):
        witness.add_checkpoint(REQUEST)
    witness.close()


def test_an_answer_that_drips_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "TIMEOUT_SECONDS", 0.05)
    dripped = []

    def drip() -> Iterator[bytes]:
        for _ in range(200):
            dripped.append(1)
            time.sleep(0.01)
            yield b"x"

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=drip()))
    witness = HttpWitness("A", "http://w.example", client=httpx.Client(transport=transport))
    with pytest.raises(WitnessUnavailableError, match="too long"):
        witness.add_checkpoint(REQUEST)
    assert len(dripped) < 100
    witness.close()


def test_an_answer_that_never_comes_is_cut_short() -> None:
    def slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    witness = HttpWitness("A", "http://w.example", client=httpx.Client(transport=httpx.MockTransport(slow)))
    with pytest.raises(WitnessUnavailableError, match="ReadTimeout"):
        witness.add_checkpoint(REQUEST)
    witness.close()
