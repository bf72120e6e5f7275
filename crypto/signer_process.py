"""The signer as a process of its own: it alone can unwrap the signing keys it serves.

    python -m crypto.signer_process --socket S --keyring K --keks E --data-folder D

A Unix socket (mode 0600, same user only) takes length-prefixed JSON; threads answer, one per
connection, and libcrypto lets go of the interpreter's lock while it signs. The process ends
when it is told to (SIGTERM) and when its parent has died.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crypto import frames
from crypto.approvals import Approval
from crypto.encoding import b64, from_b64
from crypto.engines.choice import sm2_engine
from crypto.errors import CryptoError, InvalidEncodingError, SignerUnavailableError
from crypto.kek import KekFolder
from crypto.keyring import KeyRing
from crypto.signer_client import SignerClient
from crypto.signing import CEILING, LocalSigner
from kernel.clock import Clock, SystemClock

__all__ = ["SignerChild", "SignerClient", "main", "serve_signer"]

MAX_CONNECTIONS = 64
IDLE_SECONDS = 600.0
START_SECONDS = 20.0
STOP_SECONDS = 5.0
_WATCH_SECONDS = 0.5

_log = logging.getLogger("xinji.signer")


def serve_signer(
    socket_path: Path,
    *,
    keyring_folder: Path,
    kek_folder: KekFolder,
    approval_key: bytes,
    clock: Clock | None = None,
    ceiling: int = CEILING,
    stop: threading.Event | None = None,
) -> None:
    """Serve until `stop` is set (for ever without one).

    Raises:
        SignerUnavailableError: Another signer serves this socket.
    """
    keyring = KeyRing(keyring_folder, kek_folder.load_or_create("signing"), clock or SystemClock())
    signer = LocalSigner(keyring, approval_key, ceiling=ceiling)
    with _Server(socket_path, signer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        thread.start()
        (stop or threading.Event()).wait()
        server.shutdown()
        thread.join()
    signer.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the signer process; return 0 when it was told to end."""
    parser = argparse.ArgumentParser(prog="xinji signer", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to serve")
    parser.add_argument("--keyring", type=Path, required=True, help="the folder of wrapped keys")
    parser.add_argument("--keks", type=Path, required=True, help="the folder of key-encryption keys")
    parser.add_argument("--data-folder", type=Path, required=True, help="where --keks must not lie")
    parser.add_argument("--ceiling", type=int, default=CEILING, help="credentials a second per issuer")
    parser.add_argument("--parent", type=int, default=None, help="end when this process is no longer the parent")
    options = parser.parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.parent is not None:
        threading.Thread(target=_end_with_parent, args=(options.parent, stop), daemon=True).start()
    try:
        keks = KekFolder(options.keks, data_folder=options.data_folder)
        sm2_engine()
        serve_signer(
            options.socket,
            keyring_folder=options.keyring,
            kek_folder=keks,
            approval_key=keks.load_or_create("approvals"),
            ceiling=options.ceiling,
            stop=stop,
        )
    except CryptoError as error:
        sys.stderr.write(f"xinji signer: {error}\n")
        return 1
    return 0


class SignerChild:
    """The signer as a child of this process: start it, see that it lives, end it."""

    def __init__(self, socket_path: Path, *, keyring_folder: Path, kek_folder: Path, data_folder: Path) -> None:
        """Take where it serves and where its keys lie."""
        self._socket = socket_path
        self._arguments = [
            *("--socket", str(socket_path), "--keyring", str(keyring_folder)),
            *("--keks", str(kek_folder), "--data-folder", str(data_folder)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        return self._process.pid if self._process else None

    def ensure(self) -> bool:
        """Start the child unless it lives; return whether it had to be started. For a supervising loop.

        Raises:
            SignerUnavailableError: It does not come up.
        """
        if self._process is not None and self._process.poll() is None:
            return False
        self._process = subprocess.Popen(  # noqa: S603  # Our own interpreter and module.
            [sys.executable, "-m", "crypto.signer_process", *self._arguments, "--parent", str(os.getpid())],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
        )
        self._wait(self._process)
        return True

    def stop(self) -> None:
        """End the child, gently at first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_SECONDS
        with SignerClient(self._socket) as client:
            while time.monotonic() < until and process.poll() is None:
                with contextlib.suppress(SignerUnavailableError):
                    if client.ping() == process.pid:  # Another signer on this socket is not our child.
                        return
                time.sleep(0.02)
        self.stop()
        raise SignerUnavailableError("the signer did not start; its reason is on standard error")


def _end_with_parent(parent: int, stop: threading.Event) -> None:
    while not stop.wait(_WATCH_SECONDS):
        if os.getppid() != parent:
            stop.set()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, path: Path, signer: LocalSigner) -> None:
        self._path = path
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.answers = _Answers(signer)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(path)
        before = os.umask(0o177)  # The socket must never exist with a wider mode.
        try:
            with frames.address_of(path) as address:
                super().__init__(address, _Connection)
        finally:
            os.umask(before)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Take this user's connections only, and no more than there are slots."""
        credentials = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return uid == os.geteuid() and self._slots.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def server_close(self) -> None:
        super().server_close()
        self._path.unlink(missing_ok=True)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(IDLE_SECONDS)
        with contextlib.suppress(OSError, InvalidEncodingError):  # A broken frame ends the connection.
            while (request := frames.receive(self.request)) is not None:
                frames.send(self.request, self.server.answers.answer(request))  # type: ignore[attr-defined]


class _Answers:
    """From a request's JSON to a call of the signer, and back."""

    def __init__(self, signer: LocalSigner) -> None:
        self._signer = signer
        self._calls: Mapping[str, Callable[..., dict[str, Any]]] = {
            "ping": lambda: {"pid": os.getpid()},
            "generate": lambda **names: {"jwk": signer.generate(**names).jwk},
            "active_key": lambda **names: {"jwk": signer.active_key(**names).jwk},
            "public_keys": lambda **names: {"jwks": [key.jwk for key in signer.public_keys(**names)]},
            "open_batch": self._open_batch,
            "sign_many": self._sign_many,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, or what was refused and why. Never what a key holds."""
        do = request.pop("do", None)
        try:
            return self._calls[do](**request)
        except CryptoError as error:
            _log.warning("refused %s: %s %s", do, error.code, error.params)
            return {"error": error.code, "message": str(error), "params": error.params}
        except OSError:
            _log.exception("the signer could not %s", do)
            return {"error": SignerUnavailableError.code, "message": "", "params": {}}
        except (KeyError, TypeError, ValueError, AttributeError):
            _log.warning("malformed request %r", do)
            return {"error": InvalidEncodingError.code, "message": "the request is malformed", "params": {}}

    def _open_batch(self, approval: dict[str, Any], item_ids: list[str]) -> dict[str, Any]:
        self._signer.open_batch(Approval.from_dict(approval), item_ids)
        return {}

    def _sign_many(self, messages: list[str], **names: Any) -> dict[str, Any]:
        signatures = self._signer.sign_many(messages=[from_b64(message) for message in messages], **names)
        return {"signatures": [b64(signature) for signature in signatures]}


def _clear(path: Path) -> None:
    """Remove the socket a killed signer left, unless one still answers there."""
    if not path.exists():
        return
    try:
        with SignerClient(path, timeout=2) as client:
            client.ping()
    except SignerUnavailableError:
        path.unlink(missing_ok=True)
        return
    raise SignerUnavailableError("another signer serves this socket")


if __name__ == "__main__":
    raise SystemExit(main())
