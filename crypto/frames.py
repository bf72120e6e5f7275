"""Length-prefixed JSON between the signer and its clients: 4 bytes of length, then the text.

A frame has a bound, so that neither side can be made to hold more than it wants.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crypto.errors import InvalidEncodingError

MAX_FRAME = 16 * 1024 * 1024
_PREFIX = 4
_MAX_SOCKET_PATH = 107  # sockaddr_un holds 108 bytes with the closing zero.


def send(connection: socket.socket, value: Mapping[str, Any]) -> None:
    """Send one frame.

    Raises:
        InvalidEncodingError: It would be over the bound; nothing was sent.
        OSError: The other side is gone.
    """
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_FRAME:
        raise InvalidEncodingError("the frame is too large")
    connection.sendall(len(body).to_bytes(_PREFIX, "big") + body)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Return the next frame, or nothing if the other side ended between two frames.

    Raises:
        InvalidEncodingError: The frame is over the bound, cut short or no JSON object.
        OSError: The other side is gone, or takes too long.
    """
    prefix = _exactly(connection, _PREFIX)
    if not prefix:
        return None
    size = int.from_bytes(prefix, "big")
    if len(prefix) < _PREFIX or size > MAX_FRAME:
        raise InvalidEncodingError("the frame is too large or cut short")
    body = _exactly(connection, size)
    try:
        value = json.loads(body) if len(body) == size else None
    except (ValueError, RecursionError) as error:
        raise InvalidEncodingError("the frame is not JSON") from error
    if not isinstance(value, dict):
        raise InvalidEncodingError("the frame is cut short or no JSON object")
    return value


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give an address for a Unix socket, through its folder where the path is longer than one may be."""
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or fewer if the other side ended."""
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(min(size - len(received), 1 << 18))
        if not chunk:
            break
        received += chunk
    return bytes(received)
