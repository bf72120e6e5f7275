"""Calls to addresses that platforms name: key sets, sector lists, request objects, logout endpoints.

Such an address is the platform's word, so the call must not become ours into our own network
(SSRF). The name is resolved here, every address it has must be public, and the connection goes
to an address that was checked: there is no second look-up that could answer otherwise. TLS is
checked against the name. No redirect is followed, nothing is taken from the environment, no
cookie is kept; size, time and type of the answer are bounded.

A call blocks, so it is never made on the event loop: there it raises `OnEventLoopError`, and
`off_loop` runs the work again in a thread. What may meet a `Fetcher` must therefore not have
written anything before.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import urlsplit

import anyio
import httpcore
from anyio import to_thread
from anyio.lowlevel import RunVar

from idp.oauth.addresses import is_loopback, is_public
from idp.oauth.errors import FetchError

MAX_BYTES: Final = 64 * 1024
MAX_URL: Final = 2_000
PATIENCE: Final = 5.0
"""Seconds for everything: looking the name up, connecting, and the whole answer."""
AT_ONCE: Final = 8
AT_ONE_HOST: Final = 2
"""Calls to one host at a time: a slow one leaves the other places to the others."""
MAX_ADDRESSES: Final = 8
JSON_TYPES: Final = ("application/json", "application/jwk-set+json")
_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
_T = TypeVar("_T")

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text."""


class OnEventLoopError(RuntimeError):
    """A blocking call was about to be made on the event loop: run the work with `off_loop`."""


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    authority: str
    host: str
    port: int
    secure: bool


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver gives.

    Raises:
        OSError: The name is not known.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Fetcher:
    """Calls outside addresses. Safe to share between threads; each call has a connection of its own."""

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Resolve = resolve_host,
        tls: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """`allow_loopback` only where the issuer itself is on loopback: then http works there too."""
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._patience = patience
        self._lookups = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look-up")
        self._calling: Counter[str] = Counter()
        self._gate = threading.Lock()

    def get(self, url: str, *, max_bytes: int = MAX_BYTES, accept: Collection[str] = JSON_TYPES) -> bytes:
        """Return the body that a GET of `url` answers with status 200 and one of the types `accept`.

        Raises:
            FetchError: The address is not allowed, or the answer is missing, late, too large or of another kind.
            OnEventLoopError: This is the event loop.
        """
        headers = {"Accept": ", ".join(accept)}
        status, kind, body = self._call("GET", url, headers, None, max_bytes)
        if status != HTTPStatus.OK:
            raise FetchError("the answer's status is not 200")  # A redirect among them: it is not followed.
        if kind not in accept:
            raise FetchError("the answer is of another content type")
        return body

    def post(self, url: str, body: bytes, *, content_type: str, max_bytes: int = MAX_BYTES) -> int:
        """Send `body` to `url` and return the status; what is answered besides is read and dropped.

        Raises:
            FetchError: The address is not allowed, or the answer is missing, late or too large.
            OnEventLoopError: This is the event loop.
        """
        status, _, _ = self._call("POST", url, {"Content-Type": content_type}, body, max_bytes)
        return status

    def check(self, url: str) -> None:
        """Return if the form of `url` is one that may be called; its host is not looked up.

        Raises:
            FetchError: It is not.
        """
        self._target(url)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, max_bytes: int
    ) -> tuple[int, str, bytes]:
        target = self._target(url)
        refuse_event_loop()
        with self._place(target.host):
            return self._answer(target, method, headers, body, max_bytes)

    @contextmanager
    def _place(self, host: str) -> Iterator[None]:
        with self._gate:
            if self._calling[host] >= AT_ONE_HOST:
                raise FetchError("this host is being called already")
            self._calling[host] += 1
        try:
            yield
        finally:
            with self._gate:
                self._calling[host] -= 1
                if not self._calling[host]:
                    del self._calling[host]

    def _answer(
        self, target: _Target, method: str, headers: Mapping[str, str], body: bytes | None, max_bytes: int
    ) -> tuple[int, str, bytes]:
        deadline = time.monotonic() + self._patience
        addresses = self._addresses(target, deadline)
        backend = _CheckedBackend(addresses, deadline)
        sent: list[tuple[bytes | str, bytes | str]] = [
            ("Host", target.authority),
            ("Accept-Encoding", "identity"),
            ("User-Agent", "xinji"),
            ("Connection", "close"),
            *headers.items(),
        ]
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream(method, target.url, headers=sent, content=body) as answer,
            ):
                fields = {name.lower(): value for name, value in answer.headers}
                if fields.get(b"content-encoding", b"identity") != b"identity":
                    raise FetchError("the answer is encoded, which was not asked for")
                content = bytearray()
                for piece in answer.iter_stream():
                    content += piece
                    if len(content) > max_bytes:
                        raise FetchError("the answer is too large")
                kind = fields.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
                return answer.status, kind, bytes(content)
        except (httpcore.TimeoutException, TimeoutError) as error:
            raise FetchError("the answer took too long") from error
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            OSError,
            ValueError,
        ) as error:
            raise FetchError("the address does not answer as it should") from error

    def _target(self, url: str) -> _Target:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise FetchError("this is no address") from error
        if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
            raise FetchError("the address is too long or holds signs that an address has not")
        secure = parts.scheme == "https"
        if not secure and not (parts.scheme == "http" and self._allow_loopback):
            raise FetchError("the address is not https")
        if "@" in parts.netloc or not _HOST.fullmatch(host):
            raise FetchError("the address could be read in two ways")
        if port == 0:
            raise FetchError("there is no port 0")
        bare, _, _ = url.partition("#")
        return _Target(bare, parts.netloc, host, port or (443 if secure else 80), secure)

    def _addresses(self, target: _Target, deadline: float) -> Sequence[str]:
        looking = self._lookups.submit(self._resolve, target.host, target.port)
        try:
            found = list(dict.fromkeys(looking.result(max(0.0, deadline - time.monotonic()))))
        except TimeoutError as error:
            looking.cancel()
            raise FetchError("looking the name up took too long") from error
        except (OSError, UnicodeError) as error:
            raise FetchError("the name is not known") from error
        allowed = bool(found) and (
            (target.secure and all(is_public(address) for address in found))
            or (self._allow_loopback and all(is_loopback(address) for address in found))
        )
        if not allowed:
            raise FetchError("the name leads to an address that is not public")
        return found[:MAX_ADDRESSES]


def refuse_event_loop() -> None:
    """Return unless this is the event loop, which a blocking call would stop.

    Raises:
        OnEventLoopError: It is.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise OnEventLoopError("a call to outside would stop the event loop")


_limiter: Final[RunVar[anyio.CapacityLimiter]] = RunVar("xinji_outside_calls")


async def off_loop(work: Callable[[], _T]) -> _T:
    """Return what `work` returns: run here, and once more in a thread where it must call outside.

    Few at once, and apart from the threads that hash passwords: slow platforms hold up nobody
    but each other.
    """
    try:
        return work()
    except OnEventLoopError:
        return await to_thread.run_sync(work, limiter=_outside_calls())


async def outside(work: Callable[[], _T]) -> _T:
    """Return what `work` returns, run in a thread at once: for work that may write before it calls outside."""
    return await to_thread.run_sync(work, limiter=_outside_calls())


def _outside_calls() -> anyio.CapacityLimiter:
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(AT_ONCE)  # One an event loop: it belongs to the loop it is made on.
        _limiter.set(limiter)
        return limiter


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that were checked, whatever name it is asked for, until the deadline."""

    def __init__(self, addresses: Sequence[str], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - looked up already
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("there is no address")
        for address in self._addresses:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _left(self._deadline), local_address, socket_options or ()
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _BoundedStream(stream, self._deadline)
        raise failure


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every step ends at the deadline: a byte now and then does not keep it open."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._inner.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._inner.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _BoundedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left
