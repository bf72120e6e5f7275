from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crypto import frames, signer_client, signer_process
from crypto.approvals import Approval, approve
from crypto.errors import (
    InvalidEncodingError,
    InvalidKeyError,
    SignerUnavailableError,
    SigningRefusedError,
    UnknownKeyError,
)
from crypto.jose import verify_jwt
from crypto.kek import KekFolder
from crypto.keys import EDDSA, ES256, SGD_SM3_SM2
from crypto.signer_process import SignerChild, SignerClient, main, serve_signer
from crypto.signing import sign_jwts
from kernel.clock import SystemClock

SCHOOL = "http://localhost:8000/schools/4141010459"
OTHER = "http://localhost:8000/schools/4141010475"
ORIGIN = "localhost:8000/log"
VCT = "urn:xinji:credential:diploma:1"
IDS = [f"urn:uuid:00000000-0000-7000-8000-{n:012d}" for n in range(450)]
ROOT = Path(__file__).parents[3]


class Place:
    """Where one signer lives."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.socket = self.data / "run" / "signer.sock"
        self.keyring = self.data / "keys"
        self.keks = folder / "keks"

    def approval_key(self) -> bytes:
        return KekFolder(self.keks, data_folder=self.data).load_or_create("approvals")

    def child(self) -> SignerChild:
        return SignerChild(self.socket, keyring_folder=self.keyring, kek_folder=self.keks, data_folder=self.data)

    def arguments(self) -> list[str]:
        return [
            *("--socket", str(self.socket), "--keyring", str(self.keyring)),
            *("--keks", str(self.keks), "--data-folder", str(self.data)),
        ]

    def approval(self, **changes: Any) -> Approval:
        now = SystemClock().now()
        members: dict[str, Any] = {
            "batch_id": "batch",
            "owner": SCHOOL,
            "vct": VCT,
            "item_ids": IDS,
            "approved_by": "registrar",
            "approved_at": now,
            "expires_at": now + timedelta(hours=1),
        }
        return approve(self.approval_key(), **(members | changes))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def served(place: Place) -> Iterator[Place]:
    """Serve in a thread of this process, where coverage sees it."""
    stop = threading.Event()
    thread = threading.Thread(
        target=serve_signer,
        args=(place.socket,),
        kwargs={
            "keyring_folder": place.keyring,
            "kek_folder": KekFolder(place.keks, data_folder=place.data),
            "approval_key": place.approval_key(),
            "stop": stop,
        },
    )
    thread.start()
    wait_for(place.socket)
    yield place
    stop.set()
    thread.join(10)
    assert not place.socket.exists()


@pytest.fixture
def client(served: Place) -> Iterator[SignerClient]:
    with SignerClient(served.socket, timeout=10) as client:
        yield client


def wait_for(path: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with SignerClient(path) as client:
            try:
                client.ping()
            except SignerUnavailableError:
                time.sleep(0.01)
            else:
                return
    pytest.fail("the signer did not come up")


def credentials(ids: list[str]) -> list[dict[str, Any]]:
    return [{"iss": SCHOOL, "vct": VCT, "jti": jti, "iat": 1, "_sd": ["x" * 43] * 24} for jti in ids]


def issue(client: SignerClient, alg: str, ids: list[str]) -> list[str]:
    return sign_jwts(client, "credential", SCHOOL, alg, credentials(ids), typ="dc+sd-jwt", batch_id="batch")


def exchange(path: Path, data: bytes) -> dict[str, Any] | None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            return frames.receive(connection)
        except ConnectionResetError:  # The other side left with bytes unread.
            return None


@pytest.mark.parametrize("alg", [SGD_SM3_SM2, ES256])
def test_a_batch_of_several_frames_is_signed_in_order(client: SignerClient, served: Place, alg: str) -> None:
    public = client.generate("credential", SCHOOL, alg)
    client.open_batch(served.approval(), IDS)
    tokens = issue(client, alg, IDS)
    assert [verify_jwt(token, [public], typ="dc+sd-jwt", algs=[alg])["jti"] for token in tokens] == IDS


def test_keys_are_made_and_told(client: SignerClient) -> None:
    public = client.generate("credential", SCHOOL, ES256)
    assert client.generate("credential", SCHOOL, ES256) == public
    assert client.active_key("credential", SCHOOL, ES256) == public
    assert client.public_keys("credential", SCHOOL) == (public,)
    assert client.public_keys("credential", OTHER) == ()


def test_a_note_is_signed(client: SignerClient) -> None:
    public = client.generate("log", ORIGIN, EDDSA)
    note = "localhost:8000/log\n1\n根\n".encode()
    (signature,) = client.sign_many("log", ORIGIN, EDDSA, [note])
    public.verify(signature, note)


def test_refusals_arrive_as_what_they_are(client: SignerClient, served: Place) -> None:
    with pytest.raises(UnknownKeyError):
        client.active_key("credential", SCHOOL, ES256)
    with pytest.raises(SigningRefusedError) as refused:
        client.generate("oidc", SCHOOL, ES256)
    assert refused.value.reason == "purpose"
    client.generate("credential", SCHOOL, ES256)
    with pytest.raises(SigningRefusedError) as refused:
        issue(client, ES256, IDS[:1])
    assert refused.value.reason == "batch"
    client.open_batch(served.approval(), IDS)
    with pytest.raises(SigningRefusedError) as refused:
        issue(client, ES256, [*IDS[:300], "urn:uuid:other"])
    assert refused.value.reason == "item"
    now = SystemClock().now()
    for changes, reason in (
        ({"expires_at": now - timedelta(seconds=1)}, "batch_expired"),
        ({"item_ids": IDS[:2]}, "batch_items"),
    ):
        with pytest.raises(SigningRefusedError) as refused:
            client.open_batch(served.approval(**changes), IDS)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": None},
        {"do": []},
        {"do": "close"},
        {"do": "ping", "extra": 1},
        {"do": "generate"},
        {"do": "generate", "purpose": [], "owner": {}, "alg": 1},
        {"do": "open_batch", "approval": 1, "item_ids": []},
        {"do": "open_batch", "approval": {}, "item_ids": []},
        {"do": "sign_many", "messages": "AA==", "purpose": "log", "owner": ORIGIN, "alg": EDDSA},
        {"do": "sign_many", "messages": [1], "purpose": "log", "owner": ORIGIN, "alg": EDDSA},
        {"do": "sign_many", "messages": 1, "purpose": "log", "owner": ORIGIN, "alg": EDDSA, "batch_id": None},
    ],
)
def test_a_malformed_request_is_answered_and_harms_nobody(
    client: SignerClient, served: Place, request_: dict[str, Any]
) -> None:
    client.generate("log", ORIGIN, EDDSA)
    left, right = socket.socketpair()
    with left, right:
        frames.send(left, request_)
        answer = exchange(served.socket, right.recv(1 << 16))
    assert answer is not None
    assert answer["error"] in {"invalid_encoding", "signing_refused"}
    assert client.ping() == os.getpid()


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\x00\x00\x00\x09{", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_broken_frame_ends_only_its_connection(client: SignerClient, served: Place, data: bytes) -> None:
    assert exchange(served.socket, data) is None
    client.ping()


def test_one_client_serves_many_threads(client: SignerClient) -> None:
    public = client.generate("log", ORIGIN, SGD_SM3_SM2)

    def sign(number: int) -> None:
        notes = [f"{ORIGIN}\n{number}\n{n}\n".encode() for n in range(20)]
        for note, signature in zip(notes, client.sign_many("log", ORIGIN, SGD_SM3_SM2, notes), strict=True):
            public.verify(signature, note)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(sign, range(24)))
    assert len(client._idle) <= signer_client.MAX_IDLE


def test_only_the_owner_may_connect(served: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stat.S_IMODE(served.socket.stat().st_mode) == 0o600
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    with pytest.raises(SignerUnavailableError):
        SignerClient(served.socket, timeout=5).ping()


def test_connections_are_bounded_and_come_free_again(served: Place) -> None:
    held = [SignerClient(served.socket, timeout=5) for _ in range(signer_process.MAX_CONNECTIONS)]
    for each in held:
        each.ping()
    late = SignerClient(served.socket, timeout=5)
    with pytest.raises(SignerUnavailableError):
        late.ping()
    for each in held:
        each.close()
    wait_for(served.socket)
    late.ping()
    late.close()


def test_a_second_signer_does_not_take_the_socket(served: Place) -> None:
    with pytest.raises(SignerUnavailableError, match="another"):
        serve_signer(
            served.socket,
            keyring_folder=served.keyring,
            kek_folder=KekFolder(served.keks),
            approval_key=bytes(32),
            stop=threading.Event(),
        )
    wait_for(served.socket)


def test_a_failing_disk_is_told_as_unavailable(
    client: SignerClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crypto.keyring.KeyRing._write", full)
    with pytest.raises(SignerUnavailableError):
        client.generate("credential", SCHOOL, ES256)
    assert "could not generate" in caplog.text


def test_where_nobody_serves_the_signer_is_unavailable(place: Place) -> None:
    with pytest.raises(SignerUnavailableError):
        SignerClient(place.socket).ping()


@pytest.mark.parametrize("answer", [b"", b"\x00\x00\x00\x09{", b"\x00\x00\x00\x02[]"])
def test_an_answer_that_breaks_off_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    asked = 0
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "signer.sock"))
        listener.listen()
        listener.settimeout(10)

        def answer_twice() -> None:
            nonlocal asked
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    frames.receive(connection)
                    asked += 1
                    connection.sendall(answer)

        thread = threading.Thread(target=answer_twice)
        thread.start()
        with SignerClient(tmp_path / "signer.sock", timeout=10) as client, pytest.raises(SignerUnavailableError):
            client.ping()
        thread.join()
    assert asked == 2


def test_what_is_too_large_is_refused_before_it_is_sent(client: SignerClient) -> None:
    with pytest.raises(InvalidEncodingError):
        client.sign_many("log", ORIGIN, EDDSA, [bytes(frames.MAX_FRAME)])
    client.ping()


def test_a_dead_connection_is_replaced_once(client: SignerClient) -> None:
    client.ping()
    client._idle[0].shutdown(socket.SHUT_RDWR)
    assert client.ping() == os.getpid()


def test_an_unknown_error_code_is_no_answer() -> None:
    assert isinstance(signer_client._error_of({"error": "boom"}), SignerUnavailableError)
    assert isinstance(signer_client._error_of({"error": "invalid_key", "message": "m"}), InvalidKeyError)


def test_a_socket_in_a_deep_folder_is_served(tmp_path: Path) -> None:
    deep = Place(tmp_path / ("d" * 60) / ("e" * 60))
    assert len(str(deep.socket)) > 108
    stop = threading.Event()
    keks = KekFolder(deep.keks)
    thread = threading.Thread(
        target=serve_signer,
        args=(deep.socket,),
        kwargs={"keyring_folder": deep.keyring, "kek_folder": keks, "approval_key": bytes(32), "stop": stop},
    )
    thread.start()
    wait_for(deep.socket)
    stop.set()
    thread.join(10)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < until, "the signer lives on"
        time.sleep(0.05)


def restart(child: SignerChild) -> None:
    """Ask as a supervising loop does: a killed process can be collected only once all its threads are gone."""
    until = time.monotonic() + 10
    while not child.ensure():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.kill
def test_a_killed_child_is_unavailable_and_comes_back_with_its_keys(place: Place) -> None:
    child = place.child()
    client = SignerClient(place.socket, timeout=10)
    try:
        assert child.ensure()
        assert not child.ensure()
        assert client.ping() == child.pid != os.getpid()
        public = client.generate("credential", SCHOOL, SGD_SM3_SM2)
        client.open_batch(place.approval(), IDS)
        issue(client, SGD_SM3_SM2, IDS[:250])

        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        wait_until_gone(child.pid)
        with pytest.raises(SignerUnavailableError):
            issue(client, SGD_SM3_SM2, IDS[:1])
        assert place.socket.exists(), "a killed signer leaves its socket, which the next one must clear"

        restart(child)
        with pytest.raises(SigningRefusedError) as refused:
            issue(client, SGD_SM3_SM2, IDS[:1])
        assert refused.value.reason == "batch"
        client.open_batch(place.approval(), IDS)
        for token in issue(client, SGD_SM3_SM2, IDS[:20]):
            verify_jwt(token, [public], typ="dc+sd-jwt", algs=[SGD_SM3_SM2])
    finally:
        client.close()
        child.stop()
        child.stop()
    assert not place.socket.exists()


@pytest.mark.kill
def test_the_child_ends_when_its_parent_is_killed(place: Place) -> None:
    code = (
        "import sys, time; from pathlib import Path; from crypto.signer_process import SignerChild\n"
        "paths = [Path(each) for each in sys.argv[1:]]\n"
        "child = SignerChild(paths[0], keyring_folder=paths[1], kek_folder=paths[2], data_folder=paths[3])\n"
        "child.ensure(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    paths = [str(each) for each in (place.socket, place.keyring, place.keks, place.data)]
    with subprocess.Popen([sys.executable, "-c", code, *paths], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    wait_until_gone(pid)
    assert not place.socket.exists()


def test_a_child_that_cannot_start_is_an_error(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.keks = place.data / "keks"
    with pytest.raises(SignerUnavailableError, match="did not start"):
        place.child().ensure()
    assert "data folder" in capfd.readouterr().err


def test_a_child_does_not_mistake_another_signer_for_itself(served: Place, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SignerUnavailableError):
        served.child().ensure()
    assert "another signer" in capfd.readouterr().err


class TestMain:
    """`main` in this process: what is decided before and after it serves."""

    @pytest.fixture(autouse=True)
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    def test_it_serves_until_it_is_told_to_end(self, place: Place) -> None:
        def end() -> None:
            wait_for(place.socket)
            os.kill(os.getpid(), signal.SIGTERM)

        teller = threading.Thread(target=end)
        teller.start()
        assert main(place.arguments()) == 0
        teller.join()

    def test_it_ends_when_its_parent_is_another(self, place: Place) -> None:
        assert main([*place.arguments(), "--parent", "1000000"]) == 0

    def test_it_refuses_key_encryption_keys_among_the_data(
        self, place: Place, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place.keks = place.data / "keks"
        assert main(place.arguments()) == 1
        assert "data folder" in capsys.readouterr().err


def test_a_child_that_does_not_end_gently_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    child = place.child()
    child.ensure()
    pid = child.pid
    assert pid is not None
    monkeypatch.setattr(signer_process, "STOP_SECONDS", 0.2)
    os.kill(pid, signal.SIGSTOP)
    child.stop()
    wait_until_gone(pid)
