from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crypto.errors import (
    CryptoError,
    DecryptionError,
    InvalidKeyError,
    KeyCustodyError,
    KeyStateError,
    UnknownKeyError,
)
from crypto.keyring import ACTIVE, DESTROYED, NEXT, RETIRED, KeyRing
from crypto.keys import ES256, SGD_SM3_SM2
from kernel.clock import ManualClock

KEK = bytes(range(32))
SCHOOL = "http://localhost:8000/schools/4141010459"
OTHER = "http://localhost:8000/schools/4141010475"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def ring(folder: Path, clock: ManualClock) -> KeyRing:
    return KeyRing(folder, KEK, clock)


@pytest.fixture
def second(folder: Path, clock: ManualClock) -> KeyRing:
    """Open the folder as another process would."""
    return KeyRing(folder, KEK, clock)


def edit(folder: Path, key_id: str, /, **changes: Any) -> None:
    """Change a key file behind the ring's back, so that its readers notice."""
    file = folder / f"{key_id}.json"
    value = json.loads(file.read_text("utf-8")) | changes
    file.with_suffix(".new").write_text(json.dumps(value), encoding="utf-8")
    file.with_suffix(".new").rename(file)
    status = folder.stat()
    os.utime(folder, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def test_a_key_signs_and_is_found_again(ring: KeyRing, second: KeyRing) -> None:
    public = ring.generate("credential", SCHOOL, SGD_SM3_SM2)
    for each in (ring, second):
        key = each.active("credential", SCHOOL, SGD_SM3_SM2)
        assert key.public == public
        public.verify(key.sign(b"x"), b"x")
        assert each.public_keys("credential", SCHOOL) == (public,)
        assert each.active("credential", SCHOOL, SGD_SM3_SM2) is key


@pytest.mark.parametrize(
    "other", [("federation", SCHOOL, ES256), ("credential", OTHER, ES256), ("credential", SCHOOL, SGD_SM3_SM2)]
)
def test_a_key_is_of_one_purpose_owner_and_algorithm(ring: KeyRing, other: tuple[str, str, str]) -> None:
    ring.generate("credential", SCHOOL, ES256)
    with pytest.raises(UnknownKeyError):
        ring.active(*other)
    ring.generate(*other)
    assert ring.active(*other).key_id != ring.active("credential", SCHOOL, ES256).key_id


def test_the_file_says_what_the_key_is_and_hides_its_private_part(ring: KeyRing, folder: Path) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    private = ring.active("credential", SCHOOL, ES256).to_bytes()
    content = (folder / f"{public.key_id}.json").read_bytes()
    value = json.loads(content)
    assert value.keys() == {"key_id", "purpose", "owner", "alg", "state", "created_at", "since", "jwk", "wrapped"}
    assert value["jwk"] == public.jwk
    assert (value["purpose"], value["owner"], value["state"]) == ("credential", SCHOOL, ACTIVE)
    assert private[36:68] not in content
    assert (folder / f"{public.key_id}.json").stat().st_mode & 0o777 == 0o600


def test_keys_go_one_way_through_their_states(ring: KeyRing, second: KeyRing, clock: ManualClock) -> None:
    first = ring.generate("credential", SCHOOL, ES256)
    clock.move(timedelta(days=1))
    ahead = ring.generate("credential", SCHOOL, ES256, state=NEXT)
    assert second.active("credential", SCHOOL, ES256).public == first
    assert second.public_keys("credential", SCHOOL) == (first, ahead)
    assert second.public_keys("credential", SCHOOL, states=[NEXT]) == (ahead,)

    assert ring.rotate("credential", SCHOOL, ES256) == ahead
    assert second.active("credential", SCHOOL, ES256).public == ahead
    assert second.record(first.key_id).state == RETIRED
    assert second.public_keys("credential", SCHOOL) == (first, ahead)

    with pytest.raises(KeyStateError):
        ring.destroy(ahead.key_id)
    ring.destroy(first.key_id)
    ring.destroy(first.key_id)
    assert second.record(first.key_id).state == DESTROYED
    assert second.record(first.key_id).wrapped == b""
    assert second.public_keys("credential", SCHOOL) == (ahead,)
    with pytest.raises(KeyStateError):
        ring.retire(first.key_id)


def test_rotation_without_a_next_key_makes_one(ring: KeyRing, second: KeyRing, clock: ManualClock) -> None:
    keys = [ring.generate("federation", SCHOOL, SGD_SM3_SM2)]
    for ringer in (ring, second, ring, second):
        clock.move(timedelta(days=1))
        keys.append(ringer.rotate("federation", SCHOOL, SGD_SM3_SM2))
        for reader in (ring, second):
            assert reader.active("federation", SCHOOL, SGD_SM3_SM2).public == keys[-1]
            assert reader.public_keys("federation", SCHOOL) == tuple(keys)


def test_a_rotation_that_stopped_halfway_is_mended_by_the_next(ring: KeyRing, folder: Path, clock: ManualClock) -> None:
    first = ring.generate("credential", SCHOOL, ES256)
    clock.move(timedelta(seconds=1))
    second = ring.rotate("credential", SCHOOL, ES256)
    edit(folder, first.key_id, state=ACTIVE)
    assert ring.active("credential", SCHOOL, ES256).public == second
    clock.move(timedelta(seconds=1))
    third = ring.rotate("credential", SCHOOL, ES256)
    assert ring.public_keys("credential", SCHOOL, states=[ACTIVE]) == (third,)


def test_what_a_ring_does_not_do(ring: KeyRing) -> None:
    with pytest.raises(UnknownKeyError):
        ring.active("credential", SCHOOL, ES256)
    with pytest.raises(UnknownKeyError):
        ring.rotate("credential", SCHOOL, ES256)
    for call in (ring.record, ring.retire, ring.destroy):
        with pytest.raises(UnknownKeyError):
            call("nobody")
    with pytest.raises(InvalidKeyError):
        ring.generate("credential", SCHOOL, "HS256")
    for purpose, state in (("credential", RETIRED), ("credential", DESTROYED), ("hobby", ACTIVE)):
        with pytest.raises(KeyStateError):
            ring.generate(purpose, SCHOOL, ES256, state)
    ring.generate("credential", SCHOOL, ES256)
    with pytest.raises(KeyStateError):
        ring.generate("credential", SCHOOL, ES256)
    assert ring.public_keys("credential", OTHER) == ()


def test_a_retired_key_no_longer_signs(ring: KeyRing) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    ring.active("credential", SCHOOL, ES256)
    ring.retire(public.key_id)
    with pytest.raises(UnknownKeyError):
        ring.active("credential", SCHOOL, ES256)
    assert ring.generate("credential", SCHOOL, ES256) != public


@pytest.mark.parametrize("change", [{"purpose": "federation"}, {"owner": OTHER}])
def test_a_file_edited_to_another_use_does_not_open(
    ring: KeyRing, second: KeyRing, folder: Path, change: dict[str, str]
) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    edit(folder, public.key_id, **change)
    use = {"purpose": "credential", "owner": SCHOOL, "alg": ES256} | change
    for each in (ring, second):
        with pytest.raises(DecryptionError):
            each.active(**use)


def test_one_keys_private_part_in_anothers_file_does_not_open(ring: KeyRing, second: KeyRing, folder: Path) -> None:
    one = ring.generate("credential", SCHOOL, ES256)
    other = ring.generate("credential", OTHER, ES256)
    edit(folder, other.key_id, wrapped=json.loads((folder / f"{one.key_id}.json").read_text("utf-8"))["wrapped"])
    with pytest.raises(DecryptionError):
        second.active("credential", OTHER, ES256)


def test_another_key_encryption_key_opens_nothing(ring: KeyRing, folder: Path, clock: ManualClock) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    stranger = KeyRing(folder, bytes(32), clock)
    assert stranger.public_keys("credential", SCHOOL) == (public,)
    with pytest.raises(DecryptionError):
        stranger.active("credential", SCHOOL, ES256)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "fresh"},
        {"purpose": "hobby"},
        {"key_id": "another"},
        {"jwk": {}},
        {"jwk": {"kid": "another"}},
        {"created_at": "yesterday"},
        {"created_at": 7},
        {"wrapped": "="},
        {"wrapped": None},
    ],
)
def test_a_damaged_file_is_an_error(ring: KeyRing, folder: Path, change: dict[str, Any]) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    edit(folder, public.key_id, **change)
    with pytest.raises(KeyCustodyError):
        ring.active("credential", SCHOOL, ES256)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b"{" + b" " * 100_000])
def test_a_file_that_is_no_key_is_an_error(ring: KeyRing, folder: Path, content: bytes) -> None:
    (folder / "x.json").write_bytes(content)
    with pytest.raises(KeyCustodyError):
        ring.public_keys("credential", SCHOOL)


def test_a_public_part_of_another_key_is_an_error(ring: KeyRing, folder: Path) -> None:
    one = ring.generate("credential", SCHOOL, ES256)
    other = ring.generate("credential", OTHER, ES256)
    edit(folder, one.key_id, jwk={**other.jwk, "kid": one.key_id})
    with pytest.raises(CryptoError):
        ring.public_keys("credential", SCHOOL)


def test_a_wrapped_key_of_another_name_is_an_error(
    ring: KeyRing, folder: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.generate("credential", SCHOOL, ES256)
    stranger = ring.generate("credential", OTHER, ES256)
    data = ring.active("credential", OTHER, ES256).to_bytes()
    monkeypatch.setattr("crypto.sm4.unseal", lambda *_: data)
    with pytest.raises(KeyCustodyError, match="another key"):
        KeyRing(folder, KEK, clock).active("credential", SCHOOL, ES256)
    assert stranger.key_id


def test_changes_within_one_tick_of_the_clock_all_show(ring: KeyRing, second: KeyRing, folder: Path) -> None:
    """A folder time in the future stands for a clock that has not moved on since the last change."""
    ring.generate("credential", SCHOOL, ES256)
    future = folder.stat().st_mtime_ns + 3600 * 10**9
    os.utime(folder, ns=(future, future))
    for reader in (ring, second):
        assert len(reader.public_keys("federation", SCHOOL)) == 0
    for count, (writer, alg) in enumerate([(ring, ES256), (second, SGD_SM3_SM2)], start=1):
        writer.generate("federation", SCHOOL, alg)
        for reader in (ring, second):
            assert len(reader.public_keys("federation", SCHOOL)) == count
    assert folder.stat().st_mtime_ns == future + 2


def test_leftovers_of_a_crash_are_no_keys(ring: KeyRing, second: KeyRing, folder: Path) -> None:
    public = ring.generate("credential", SCHOOL, ES256)
    (folder / f".{public.key_id}.0a0b0c0d").write_bytes(b"{")
    assert second.public_keys("credential", SCHOOL) == (public,)


def test_two_processes_that_write_at_once_lose_nothing(ring: KeyRing, folder: Path) -> None:
    """Each of several processes makes keys of its own; all end in the folder, and one active key remains."""
    code = (
        "import sys; from pathlib import Path\n"
        "from crypto.keyring import KeyRing; from kernel.clock import SystemClock\n"
        "ring = KeyRing(Path(sys.argv[1]), bytes(range(32)), SystemClock())\n"
        "for n in range(10): ring.generate('federation', f'{sys.argv[2]}/{n}', 'ES256')\n"
        "for n in range(5): ring.rotate('credential', 'shared', 'ES256')\n"
    )
    ring.generate("credential", "shared", ES256)
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), f"worker-{n}"], cwd=Path(__file__).parents[3])
        for n in range(3)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert len(list(folder.glob("*.json"))) == 1 + 3 * 15
    assert len(ring.public_keys("credential", "shared")) == 1 + 15
    assert len(ring.public_keys("credential", "shared", states=[ACTIVE])) == 1
    assert all(len(ring.public_keys("federation", f"worker-{n}/9")) == 1 for n in range(3))


def test_readers_see_each_change_while_another_writes(ring: KeyRing, second: KeyRing, clock: ManualClock) -> None:
    ring.generate("credential", SCHOOL, ES256)
    failures: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                second.active("credential", SCHOOL, ES256).sign(b"x")
                assert second.public_keys("credential", SCHOOL)
            except Exception as error:  # noqa: BLE001  # Whatever a reader meets is the finding.
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        clock.move(timedelta(seconds=1))
        newest = ring.rotate("credential", SCHOOL, ES256)
        assert second.active("credential", SCHOOL, ES256).public == newest
    done.set()
    reader.join()
    assert failures == []
