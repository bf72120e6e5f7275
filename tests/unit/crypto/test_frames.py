from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import frames
from crypto.errors import InvalidEncodingError


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    left.settimeout(5)
    right.settimeout(5)
    with left, right:
        yield left, right


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=3), st.text(max_size=50) | st.integers() | st.none(), max_size=4))
def test_a_frame_comes_back(value: dict[str, Any]) -> None:
    left, right = socket.socketpair()
    with left, right:
        frames.send(left, value)
        frames.send(left, {"second": 2})
        assert frames.receive(right) == value
        assert frames.receive(right) == {"second": 2}


def test_a_large_frame_comes_back(pair: tuple[socket.socket, socket.socket]) -> None:
    value = {"x": "y" * 3_000_000}
    sender = threading.Thread(target=frames.send, args=(pair[0], value))
    sender.start()
    assert frames.receive(pair[1]) == value
    sender.join()


def test_an_end_between_frames_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    assert frames.receive(pair[1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\x00\x00\x00\x05{}",
        b"\xff\xff\xff\xff",
        b"\x01\x00\x00\x01",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x01{",
        b"\x00\x00\x00\x01\xff",
        b"\x00\x00\x00\x00",
        (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
def test_what_is_no_frame_is_refused(pair: tuple[socket.socket, socket.socket], data: bytes) -> None:
    pair[0].sendall(data)
    pair[0].close()
    with pytest.raises(InvalidEncodingError):
        frames.receive(pair[1])


def test_a_frame_over_the_bound_is_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(InvalidEncodingError):
        frames.send(pair[0], {"x": "y" * frames.MAX_FRAME})
    pair[0].close()
    assert frames.receive(pair[1]) is None
