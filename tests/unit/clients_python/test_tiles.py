"""Consistency from a log's files: the client's proof is the server's, and no changed one passes."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hashes import sm3
from ledger.formats.merkle import prove_consistency as served_proof
from ledger.formats.merkle import root
from ledger.storage.tiles import TileFolder
from xinji_client import hashes, tiles
from xinji_client.errors import FormatError, ProofError, UnreachableError
from xinji_client.http import fetch
from xinji_client.merkle import verify_consistency

ENTRIES = [number.to_bytes(43, "big") for number in range(700)]
LEAVES = [sm3(b"\x00" + entry) for entry in ENTRIES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that grew in steps, with the partial tiles of the steps in which it was published."""
    place = tmp_path_factory.mktemp("log")
    log = TileFolder(place)
    size = 0
    for step in (5, 8, 200, 43, 1, 299, 144):
        log.extend(size, ENTRIES[size : size + step])
        log.prune(size, size + step)
        size += step
    return place


def reading(folder: Path) -> tiles.Read:
    def read(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise UnreachableError(path) from error

    return read


@pytest.mark.parametrize("new", [13, 213, 256, 257, 556, 700])
@pytest.mark.parametrize("old", [1, 2, 5, 13, 200, 213, 255, 256, 257, 556, 700])
def test_the_proof_is_the_server_s(folder: Path, old: int, new: int) -> None:
    if old > new:
        return
    path = tiles.consistency(reading(folder), hashes.sm3, old_size=old, new_size=new)
    assert path == served_proof(sm3, LEAVES[:new], old)
    heads = {"old_root": root(sm3, LEAVES[:old]), "new_root": root(sm3, LEAVES[:new])}
    verify_consistency(hashes.sm3, path, old_size=old, new_size=new, **heads)


@given(new=st.integers(1, 90), data=st.data())
def test_no_changed_proof_passes(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = served_proof(sm3, LEAVES[:new], old)
    old_root, new_root = root(sm3, LEAVES[:old]), root(sm3, LEAVES[:new])
    check = partial(verify_consistency, hashes.sm3)
    check(path, old_size=old, old_root=old_root, new_size=new, new_root=new_root)
    other = sm3(b"other")
    at = data.draw(st.integers(0, len(path)))
    forged = [(*path, other), (*path[:at], other, *path[at:])]
    if path:
        drop = data.draw(st.integers(0, len(path) - 1))
        forged += [path[:-1], (*path[:drop], *path[drop + 1 :]), (*path[:drop], other, *path[drop + 1 :])]
    for wrong in forged:
        with pytest.raises(ProofError):
            check(wrong, old_size=old, old_root=old_root, new_size=new, new_root=new_root)
    for roots in ((other, new_root), (old_root, other), *([(other, other)] if old < new else [])):
        with pytest.raises(ProofError):
            check(path, old_size=old, old_root=roots[0], new_size=new, new_root=roots[1])
    wrong_old = data.draw(st.integers(0, new).filter(lambda size: size != old))
    with pytest.raises(ProofError):
        check(path, old_size=wrong_old, old_root=old_root, new_size=new, new_root=new_root)


@pytest.mark.parametrize("sizes", [(0, 5), (6, 5)])
def test_nothing_grows_from_nothing_or_backwards(sizes: tuple[int, int]) -> None:
    with pytest.raises(ProofError):
        verify_consistency(hashes.sm3, (), old_size=sizes[0], old_root=b"", new_size=sizes[1], new_root=b"")


def test_a_tile_that_is_short_or_gone_is_told(folder: Path) -> None:
    with pytest.raises(FormatError):
        tiles.consistency(lambda _: b"short", hashes.sm3, old_size=5, new_size=213)
    with pytest.raises(UnreachableError):
        tiles.consistency(reading(folder / "nowhere"), hashes.sm3, old_size=5, new_size=213)


@pytest.mark.parametrize(
    ("index", "path"), [(0, "000"), (67, "067"), (1000, "x001/000"), (1_234_067, "x001/x234/067"), (999, "999")]
)
def test_the_names_of_tiles(index: int, path: str) -> None:
    assert tiles.path_of(index) == path


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


class Odd(http.server.BaseHTTPRequestHandler):
    """Redirects, refuses, says too much, or nothing that is HTTP."""

    def do_GET(self) -> None:
        kind = self.path.strip("/")
        if kind == "garbage":
            self.wfile.write(b"\x00\x01 no http\r\n\r\n")
            return
        self.send_response({"moved": 302, "missing": 404, "empty": 204}.get(kind, 200))
        self.send_header("Location", "/fine")
        self.end_headers()
        self.wfile.write(b"x" * (100 if kind == "long" else 3))

    def log_message(self, *_: object) -> None:
        return


def test_only_a_plain_short_answer_counts() -> None:
    with serving(Odd) as base:
        assert fetch(f"{base}/fine", limit=3) == b"xxx"
        for wrong in ("moved", "missing", "empty", "long", "garbage"):
            with pytest.raises(UnreachableError):
                fetch(f"{base}/{wrong}", limit=3)
    for address in (
        f"{base}/fine",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "",
        "http://",
        "http://[::1",
        "http://\x00",
    ):
        with pytest.raises(UnreachableError):
            fetch(address, timeout=2)
