"""Running it: the signer as a child, the workers as threads, the web in the foreground."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from crypto.signer_process import SignerChild
from kernel.workers import Loop, Worker
from ledger.storage.object_store import ObjectStore
from server import accrediting
from server.app import Role, create_app
from server.chain import Opening, chain_of, described
from server.demo.companions import running_witness
from server.one_write import OneWriteProtocol
from server.parts import Parts, build_parts, key_folder, signer_keys, socket_path, trust_path
from server.settings import Settings
from server.shards import publish_logs, trusted_logs
from server.web_processes import watch
from server.workers import workers

LOOPBACK: Final = ("127.0.0.1", "::1")


@contextmanager
def signer_child(settings: Settings) -> Iterator[SignerChild]:
    """Run the signer as a child of this process."""
    place = socket_path(settings)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    child = SignerChild(
        place,
        keyring_folder=signer_keys(settings),
        kek_folder=key_folder(settings).path,
        data_folder=settings.data_dir,
    )
    child.ensure()
    try:
        yield child
    finally:
        child.stop()


@contextmanager
def running_workers(parts: Parts, child: SignerChild) -> Iterator[None]:
    """Prepare the log and the chain, publish the trust file, and run all workers meanwhile."""
    if isinstance(parts.log.tiles.files, ObjectStore):
        parts.log.tiles.files.probe()  # A store without conditional puts must not keep a log.
    trusted_logs(parts.log)  # Makes the log's keys where they are missing.
    accrediting.run_once(parts)
    chain = chain_of(parts)
    opening = Opening(parts, chain)
    opening.try_once()
    path = trust_path(parts.settings)
    trust = publish_logs(path, parts.installation, parts.log, chains=described(parts, chain))
    supervision = Worker("signer", lambda: int(child.ensure()), 1)
    loop = Loop([supervision, *workers(parts, chain, opening)])
    vkeys = [key for log in trust["logs"] for key in log["vkeys"]]
    with running_witness(parts.settings, parts.installation, vkeys):
        loop.start()
        try:
            yield
        finally:
            loop.stop()
            chain.close()


def serve(settings: Settings, *, host: str | None, port: int, role: Role = "all", processes: int = 1) -> None:
    """Serve until told to end. `all` brings the signer and the workers, once; another role only its routes.

    With several `processes` the web is served by children, and this one watches over them.
    """
    parts = build_parts(settings, port=port)
    with ExitStack() as stack:
        sockets = [stack.enter_context(listener) for listener in _sockets(host, port)]
        if settings.proxy_socket is not None:
            sockets.append(stack.enter_context(_unix_socket(settings.proxy_socket)))
        if role == "all":
            child = stack.enter_context(signer_child(settings))
            stack.enter_context(running_workers(parts, child))
        if processes == 1:
            _web(parts, role, sockets)
        else:
            watch(sockets, count=processes, arguments=["--role", role, "--port", str(port)])


def serve_on(settings: Settings, listeners: Sequence[int], *, port: int, role: Role) -> None:
    """Serve only the web, on sockets that the process that started this one listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(fileno=number)) for number in listeners]
        _web(build_parts(settings, port=port), role, sockets)


def _web(parts: Parts, role: Role, sockets: list[socket.socket]) -> None:
    config = uvicorn.Config(
        create_app(parts, role=role),
        log_level="warning",
        access_log=False,  # Addresses carry codes and numbers: no request line is ever written.
        server_header=False,
        proxy_headers=False,
        http=OneWriteProtocol,
        timeout_graceful_shutdown=3,
    )
    # What is there now stays: looking through it for garbage, every few requests, is time for nothing.
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run(sockets=sockets)


def _sockets(host: str | None, port: int) -> list[socket.socket]:
    """Listen on both loopback addresses unless a host is given: `localhost` may mean either."""
    sockets = []
    for address in (host,) if host else LOOPBACK:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            listener.close()
            if address != LOOPBACK[1]:
                raise OSError(f"port {port} on {address} is taken: choose another with --port") from error
            continue  # A machine without IPv6.
        sockets.append(listener)
    return sockets


def _unix_socket(path: Path) -> socket.socket:
    """Listen where only a proxy of our user or group may speak to us."""
    path.unlink(missing_ok=True)  # What an earlier process left.
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)  # Between bind and chmod anybody could connect.
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
