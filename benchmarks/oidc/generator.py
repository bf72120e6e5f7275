"""The load: a few connections that stay open, each with one request under way. Knows HTTP/1.1 and no OpenID.

Raw bytes over asyncio on uvloop: it takes a small part of one core, and says how large, so
that it is seen not to be what limits. Every answer is read whole and its status looked at.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast
from urllib.parse import urlencode

CONNECTIONS: Final = 16
WARM_UP: Final = 0.7
PATIENCE: Final = 15.0


class Reply(NamedTuple):
    """An answer: status, header lines in one piece, body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        """Return the value of a header, empty where it is missing."""
        for line in self.head.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip()
        return b""


class UnexpectedReplyError(Exception):
    """An answer has another status than the operation is about."""


class Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self._data = b""
        self._waiting: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it.

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Answer who waits once the body is whole."""
        self._data = self._data + data if self._data else data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end]
        at = head.lower().find(b"\r\ncontent-length:")
        if at < 0:
            raise UnexpectedReplyError("an answer without Content-Length")
        length = int(head[at + 17 : head.find(b"\r\n", at + 2) if b"\r\n" in head[at + 2 :] else None])
        if len(self._data) < end + 4 + length:
            return
        body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(int(head[9:12]), head, body))

    async def send(self, request: bytes, expected: int) -> Reply:
        """Send a request and return its answer.

        Raises:
            UnexpectedReplyError: The status is another.
        """
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        self._transport.write(request)
        reply = await waiting
        if reply.status != expected:
            raise UnexpectedReplyError(f"{reply.status}: {reply.body[:200]!r}")
        return reply

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


Operation = Callable[[Connection], Awaitable[None]]
"""What is measured: one request, or a short row of them."""
Prepare = Callable[[Connection], Awaitable[Operation]]
"""Makes a connection ready for its operation."""


@dataclass(slots=True)
class Measured:
    """What a cell gave."""

    seconds: float = 0.0
    own_cpu: float = 0.0
    their_cpu: float = 0.0
    done: int = 0
    times: list[float] = field(default_factory=list)
    failed: int = 0
    failure: str = ""

    @property
    def rate(self) -> float:
        """Operations a second."""
        return len(self.times) / self.seconds if self.seconds else 0.0

    @property
    def cpu_each(self) -> float:
        """The provider's own processor time for an operation, in milliseconds; what a database does is not in it."""
        return self.their_cpu / self.done * 1_000 if self.done else 0.0

    def percentile(self, share: float) -> float:
        """Return a percentile of the operation's time, in milliseconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000 if ordered else 0.0


async def measure(
    host: str,
    port: int,
    prepare: Prepare,
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    warm_up: float = WARM_UP,
    provider_cpu: Callable[[], float] = lambda: 0.0,
) -> Measured:
    """Repeat an operation on all connections for `seconds`, after a short warm-up."""
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    measured = Measured()
    try:
        ready: list[tuple[Connection, Operation]] = []
        for _ in range(connections):
            _, connection = await loop.create_connection(Connection, host, port)
            opened.append(connection)
            async with asyncio.timeout(PATIENCE):
                ready.append((connection, await prepare(connection)))
        start = time.perf_counter() + warm_up
        cpu, theirs = time.process_time(), provider_cpu()
        async with asyncio.timeout(warm_up + seconds + PATIENCE):
            tasks = [_repeat(each, operation, start, start + seconds, measured) for each, operation in ready]
            await asyncio.gather(*tasks)
        measured.their_cpu = provider_cpu() - theirs
        measured.own_cpu = (time.process_time() - cpu) / (warm_up + seconds)
        measured.seconds = seconds
    except (UnexpectedReplyError, OSError, TimeoutError) as error:
        measured.failed += 1
        measured.failure = str(error) or type(error).__name__
    finally:
        for connection in opened:
            connection.close()
    return measured


async def _repeat(connection: Connection, operation: Operation, start: float, end: float, into: Measured) -> None:
    now = time.perf_counter()
    while now < end:
        began = now
        try:
            await operation(connection)
        except UnexpectedReplyError as error:
            into.failed += 1
            into.failure = str(error)
            if into.failed > CONNECTIONS:
                raise
        now = time.perf_counter()
        into.done += 1
        if start <= began and now <= end:
            into.times.append(now - began)


def get(path: str, headers: Mapping[str, str]) -> bytes:
    """Return the bytes of a GET."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


def post(path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """Return the bytes of a form that is posted."""
    body = urlencode(form)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n{body}"
    ).encode()


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}
