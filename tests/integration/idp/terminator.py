"""A TLS proxy of the tests: asks for the client's certificate and hands it on over a Unix socket (RFC 9440)."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import FastAPI

from server.client_certificates import ClientCertificates
from tests.integration.idp.certificates import Pair, server_tls


@contextmanager
def serving(app: FastAPI, path: Path) -> Iterator[None]:
    """Serve the application on a Unix socket, believing the certificate header there."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    wrapped = ClientCertificates(app, proxy_socket=str(path))
    server = uvicorn.Server(uvicorn.Config(wrapped, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    end = time.monotonic() + 20
    while not server.started and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@contextmanager
def terminating(folder: Path, behind: Path, authority: Pair, *trusted: Pair) -> Iterator[int]:
    """End TLS on a port of 127.0.0.1, with client certificates of `authority`, or those `trusted` by themselves."""
    tls = server_tls(folder, authority, "127.0.0.1")
    tls.verify_mode = ssl.CERT_OPTIONAL
    for pair in (authority, *trusted):
        tls.load_verify_locations(cadata=pair.certificate.public_bytes(Encoding.PEM).decode())
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(5)
            with contextlib.suppress(OSError), tls.wrap_socket(connection, server_side=True) as stream:
                _forward(stream, behind)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        ended.set()
        thread.join(10)
        listener.close()


def _forward(stream: ssl.SSLSocket, behind: Path) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        request += stream.recv(65_536)
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += stream.recv(65_536)
    # RFC 9440 §4: what a client sends under this name is taken away.
    kept = [line for line in lines if not line.lower().startswith((b"client-cert", b"connection:"))]
    der = stream.getpeercert(binary_form=True)
    if der:
        kept.append(b"Client-Cert: :" + base64.b64encode(der) + b":")
    with socket.socket(socket.AF_UNIX) as inner:
        inner.settimeout(5)
        inner.connect(str(behind))
        inner.sendall(b"\r\n".join([*kept, b"Connection: close", b"", b""]) + body)
        while piece := inner.recv(65_536):
            stream.sendall(piece)
