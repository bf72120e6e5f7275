"""An object store in this process that speaks as much S3 as a log asks for, and can misbehave.

Signatures are not checked: the library makes them, and its own tests hold them to AWS.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from crypto.hashes import sha256

BUCKET = "logs"


class FakeS3(ThreadingHTTPServer):
    """Objects by key; `careless` ignores conditions, `failing` is how many of the next requests get a 503."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.careless = False
        self.failing = 0
        self.puts: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeS3
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            if self._fails():
                return
            key = self._key()
            self.server.puts.append(key)
            current = self.server.objects.get(key)
            create, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
            if not self.server.careless and (
                (create == "*" and current is not None)
                or (match is not None and (current is None or match != _tag(current)))
            ):
                self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            self.server.objects[key] = body
        self._answer(200, b"", tag=_tag(body))

    def do_GET(self) -> None:
        with self.server.lock:
            if self._fails():
                return
            query = parse_qs(urlsplit(self.path).query)
            if "list-type" in query:
                self._list(query.get("prefix", [""])[0])
                return
            found = self.server.objects.get(self._key())
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, found, tag=_tag(found))

    def do_DELETE(self) -> None:
        with self.server.lock:
            self.server.objects.pop(self._key(), None)
        self._answer(204, b"")

    def do_POST(self) -> None:
        """DeleteObjects, which the library takes for deleting even one."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.partition("</Key>")[0] for part in body.split("<Key>")[1:]]
        with self.server.lock:
            for key in keys:
                self.server.objects.pop(unquote(key), None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _list(self, prefix: str) -> None:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{escape(_tag(data))}</ETag></Contents>"
            for key, data in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode())

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def _fails(self) -> bool:
        if self.server.failing <= 0:
            return False
        self.server.failing -= 1
        self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        return True

    def _answer(self, status: int, body: bytes, *, tag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def _tag(data: bytes) -> str:
    return f'"{sha256(data).hex()[:32]}"'


@contextmanager
def fake_s3() -> Iterator[FakeS3]:
    server = FakeS3()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
