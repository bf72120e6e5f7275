"""A small server of somebody else's, on loopback: it answers as it is told, and notes what it was asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Handler = Callable[[bytes], Iterator[bytes]]


@dataclass
class Outside:
    """Where it listens, and the requests that came."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


def always(whole: bytes) -> Handler:
    def handle(request: bytes) -> Iterator[bytes]:  # noqa: ARG001 - a Handler
        yield whole

    return handle


@contextmanager
def outside(handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Outside]:
    """Serve one connection after the other until the block ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(8)
    listener.settimeout(0.05)
    seen = Outside(listener.getsockname()[1])
    ended = threading.Event()
    if tls is not None:
        tls.sni_callback = lambda _sock, name, _context: seen.names.append(name)

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with contextlib.suppress(OSError):
                _talk(connection, tls, handler, seen, ended)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(10)
        listener.close()


def _talk(
    connection: socket.socket, tls: ssl.SSLContext | None, handler: Handler, seen: Outside, ended: threading.Event
) -> None:
    connection.settimeout(3)
    with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
        request = _request(stream)
        seen.requests.append(request)
        for piece in handler(request):
            if ended.is_set():
                return
            stream.sendall(piece)


def _request(stream: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += _some(stream)
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lines[0].split(b":")[1] if lines else 0):
        body += _some(stream)
    return head + b"\r\n\r\n" + body


def _some(stream: socket.socket) -> bytes:
    piece = stream.recv(4096)
    if not piece:
        raise ConnectionError("the other side went away")
    return piece
