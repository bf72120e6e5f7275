"""The witness: it cosigns growth, and refuses forks, rollbacks and strangers."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from crypto.encoding import b64
from crypto.hashes import sha256, sm3
from crypto.keyring import WITNESS
from crypto.keys import ED25519, SGD_SM3_SM2, PrivateKey, generate_key
from kernel.clock import ManualClock
from ledger.errors import WitnessStateError
from ledger.formats.checkpoint import Checkpoint, signature_by
from ledger.formats.merkle import TreeHead, leaf_hash, prove_consistency, root
from ledger.formats.note import Note, parse_signatures
from ledger.formats.proof_text import AddCheckpoint
from ledger.formats.vkey import Kind, VerifierKey, kind_of, parse_vkey
from ledger.witness.app import MAX_BODY, witness_app
from ledger.witness.cosigning import Answer, Cosigner, TrustedLog
from ledger.witness.keys import create_witness, key_ring, open_state
from ledger.witness.state import MAX_EVIDENCE

ORIGIN = "example.org/log"
NAME = "w.example/w"
LEAVES = [leaf_hash(sm3, bytes([at])) for at in range(40)]
FORK = [*LEAVES[:5], sm3(b"fork"), *LEAVES[6:]]
PRIVATE: PrivateKey = generate_key(SGD_SM3_SM2)
LOG_KEY = VerifierKey(ORIGIN, Kind.SM2, PRIVATE.public)
PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ledger" / "published.json").read_text("utf-8")
)["witness"]


def note_of(size: int, leaves: list[bytes] | None = None, origin: str = ORIGIN, key: PrivateKey = PRIVATE) -> Note:
    text = str(Checkpoint(origin, TreeHead(size, root(sm3, (leaves or LEAVES)[:size]))))
    signed_by = VerifierKey(origin, kind_of(key.alg, timestamped=False), key.public)
    return Note(text, (signature_by(signed_by, key.sign(text.encode())),))


def request(old: int, new: int, leaves: list[bytes] | None = None) -> bytes:
    path = prove_consistency(sm3, (leaves or LEAVES)[:new], old) if old <= new else ()
    return str(AddCheckpoint(old, path, str(note_of(new, leaves)))).encode()


@dataclass
class Place:
    """A witness's folder, and how to open it."""

    folder: Path
    clock: ManualClock

    def open(self, logs: list[TrustedLog] | None = None) -> tuple[Cosigner, Callable[[], None]]:
        state = open_state(self.folder)
        trusted = logs if logs is not None else [TrustedLog(ORIGIN, "sm3", (LOG_KEY,))]
        return Cosigner(state, key_ring(self.folder, self.clock), NAME, trusted, self.clock), state.close


@pytest.fixture
def place(tmp_path: Path, clock: ManualClock) -> Place:
    create_witness(tmp_path / "w", NAME, clock)
    return Place(tmp_path / "w", clock)


@pytest.fixture
def cosigner(place: Place) -> Iterator[Cosigner]:
    cosigner, close = place.open()
    yield cosigner
    close()


def accepted(answer: Answer, note: Note, keys: tuple[VerifierKey, ...]) -> list[int | None]:
    assert answer.status == HTTPStatus.OK, answer.body
    return [seen.time for seen in Note(note.text, parse_signatures(answer.body.decode())).verify(keys)]


def test_it_cosigns_growth_in_both_algorithms_with_its_time(cosigner: Cosigner, clock: ManualClock) -> None:
    now = int(clock.now().timestamp())
    assert [key.kind for key in cosigner.keys] == [Kind.SM2_COSIGNATURE, Kind.ED25519_COSIGNATURE]
    for old, new in ((0, 3), (3, 3), (3, 8), (8, 40)):
        assert accepted(cosigner.add_checkpoint(request(old, new)), note_of(new), cosigner.keys) == [now, now]


@pytest.mark.parametrize("size", [0, 1, 9])
def test_an_old_size_that_is_wrong_is_answered_with_the_right_one(cosigner: Cosigner, size: int) -> None:
    cosigner.add_checkpoint(request(0, 8))
    answer = cosigner.add_checkpoint(request(size, 20))
    assert answer == (HTTPStatus.CONFLICT, "text/x.tlog.size", b"8\n")


def test_a_rollback_is_refused(cosigner: Cosigner) -> None:
    cosigner.add_checkpoint(request(0, 8))
    assert cosigner.add_checkpoint(request(0, 5)) == (HTTPStatus.CONFLICT, "text/x.tlog.size", b"8\n")
    assert cosigner.add_checkpoint(request(8, 5)).status == HTTPStatus.BAD_REQUEST
    assert cosigner.add_checkpoint(request(8, 9)).status == HTTPStatus.OK


def test_a_fork_is_refused_and_kept_as_evidence(cosigner: Cosigner, place: Place) -> None:
    cosigner.add_checkpoint(request(0, 8))
    same_size = cosigner.add_checkpoint(request(8, 8, FORK))
    assert (same_size.status, same_size.media_type) == (HTTPStatus.CONFLICT, "text/plain; charset=utf-8")
    assert cosigner.add_checkpoint(request(8, 20, FORK)).status == HTTPStatus.UNPROCESSABLE_ENTITY
    evidence = sorted((place.folder / "evidence").iterdir())
    assert [path.name.split("-")[0] for path in evidence] == ["doubt", "fork"]
    assert evidence[1].read_bytes() == request_text(8, 8, FORK, evidence[1])
    assert cosigner.add_checkpoint(request(8, 9)).status == HTTPStatus.OK


def request_text(old: int, new: int, leaves: list[bytes], path: Path) -> bytes:
    """What was kept, but for SM2's nonce."""
    kept = path.read_bytes()
    made = request(old, new, leaves)
    assert kept.rpartition("—".encode())[0] == made.rpartition("—".encode())[0]
    return kept


def test_evidence_that_anybody_can_make_does_not_fill_the_disk(cosigner: Cosigner, place: Place) -> None:
    cosigner.add_checkpoint(request(0, 1))
    for number in range(MAX_EVIDENCE + 5):
        text = str(Checkpoint(ORIGIN, TreeHead(2 + number, bytes(32))))
        note = Note(text, (signature_by(LOG_KEY, PRIVATE.sign(text.encode())),))
        body = str(AddCheckpoint(1, (bytes(32),), str(note))).encode()
        assert cosigner.add_checkpoint(body).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert len(list((place.folder / "evidence").iterdir())) == MAX_EVIDENCE
    cosigner.add_checkpoint(request(1, 1, [sm3(b"fork")]))
    assert len(list((place.folder / "evidence").glob("fork-*"))) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", HTTPStatus.BAD_REQUEST),
        (b"\xff" + request(0, 3), HTTPStatus.BAD_REQUEST),
        (request(0, 3)[:-1], HTTPStatus.BAD_REQUEST),
        (b"old 00" + request(0, 3)[5:], HTTPStatus.BAD_REQUEST),
        (b"old 0\n\nexample.org/log\nx\ny\n\n" + "— a AAAAAAA=\n".encode(), HTTPStatus.BAD_REQUEST),
        (str(AddCheckpoint(0, (), str(note_of(3, origin="other.org/log")))).encode(), HTTPStatus.NOT_FOUND),
        (str(AddCheckpoint(0, (), str(note_of(3, key=generate_key(ED25519))))).encode(), HTTPStatus.FORBIDDEN),
        (request(0, 3).replace(b"\n3\n", b"\n4\n"), HTTPStatus.FORBIDDEN),
        (str(AddCheckpoint(0, (bytes(32),), str(note_of(3)))).encode(), HTTPStatus.UNPROCESSABLE_ENTITY),
        (str(AddCheckpoint(4, (), str(note_of(3)))).encode(), HTTPStatus.BAD_REQUEST),
    ],
)
def test_what_is_refused_with_which_status(cosigner: Cosigner, body: bytes, status: HTTPStatus) -> None:
    answer = cosigner.add_checkpoint(body)
    assert answer.status == status
    assert "—".encode() not in answer.body
    assert accepted(cosigner.add_checkpoint(request(0, 3)), note_of(3), cosigner.keys)


def test_an_empty_tree_has_one_root(cosigner: Cosigner) -> None:
    assert cosigner.add_checkpoint(request(0, 0)).status == HTTPStatus.OK
    text = str(Checkpoint(ORIGIN, TreeHead(0, bytes(32))))
    wrong = Note(text, (signature_by(LOG_KEY, PRIVATE.sign(text.encode())),))
    assert cosigner.add_checkpoint(str(AddCheckpoint(0, (), str(wrong))).encode()).status == HTTPStatus.CONFLICT


def test_the_published_requests_of_another_implementation(place: Place) -> None:
    """Torchwood's TestRace: SHA-256 and Ed25519; the slower of two racing requests gets a conflict."""
    origin = PUBLISHED["origin"]
    material = b"\x01" + bytes.fromhex(PUBLISHED["public_key"])
    key_id = sha256(origin.encode() + b"\n" + material)[:4]
    key = parse_vkey(f"{origin}+{key_id.hex()}+{b64(material)}")
    cosigner, close = place.open([TrustedLog(origin, "sha-256", (key,))])
    first, slower, faster = (text.encode() for text in PUBLISHED["requests"])
    assert cosigner.add_checkpoint(first).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(faster).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(slower) == (HTTPStatus.CONFLICT, "text/x.tlog.size", b"5\n")
    close()


def test_it_remembers_before_it_answers(place: Place) -> None:
    cosigner, close = place.open()
    cosigner.add_checkpoint(request(0, 8))
    # A new process sees it even if this one never ends well.
    state = json.loads((place.folder / "state.json").read_text("utf-8"))
    assert state["logs"][ORIGIN]["size"] == 8
    close()
    again, close = place.open()
    assert again.add_checkpoint(request(0, 5)).status == HTTPStatus.CONFLICT
    assert again.keys == cosigner.keys
    close()


def test_of_many_requests_at_once_no_two_fork(cosigner: Cosigner) -> None:
    """Both trees of nine leaves are offered by eight threads: one of them is cosigned, ever."""
    cosigner.add_checkpoint(request(0, 8))
    offers = [request(8, 9), request(8, 9, [*LEAVES[:8], sm3(b"other")])] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(cosigner.add_checkpoint, offers))
    assert sum(answer.status == HTTPStatus.OK for answer in answers) == 1


def test_what_cannot_be_written_is_not_signed(
    cosigner: Cosigner, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails at the very last step before the signature, which is the one that makes it safe."""
    cosigner.add_checkpoint(request(0, 8))
    before = (place.folder / "state.json").read_bytes()
    sync = os.fsync

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = cosigner.add_checkpoint(request(8, 9))
    assert answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "—".encode() not in answer.body
    assert (place.folder / "state.json").read_bytes() == before
    assert not list(place.folder.glob(".state*")), "what was begun takes no room"
    monkeypatch.setattr(os, "fsync", sync)
    # It remembers nothing that is not on the disk: the other tree of nine leaves may come now.
    other = [*LEAVES[:8], sm3(b"other")]
    path = prove_consistency(sm3, other, 8)
    body = str(AddCheckpoint(8, path, str(note_of(9, other)))).encode()
    assert cosigner.add_checkpoint(body).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(request(8, 9)).status == HTTPStatus.CONFLICT


def test_the_state_is_on_the_disk_before_a_key_is_used(
    cosigner: Cosigner, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    synced: list[int] = []
    sync, active = os.fsync, cosigner._ring.active

    def fsync(file: int) -> None:
        synced.append(file)
        sync(file)

    def signing(*args: str) -> PrivateKey:
        seen.append(json.loads((place.folder / "state.json").read_text("utf-8"))["logs"][ORIGIN]["size"])
        assert len(synced) >= 2, "the file and its folder"
        return active(*args)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(cosigner._ring, "active", signing)
    assert cosigner.add_checkpoint(request(0, 8)).status == HTTPStatus.OK
    assert seen == [8, 8]


def test_one_process_owns_the_folder(place: Place) -> None:
    _, close = place.open()
    with pytest.raises(WitnessStateError):
        place.open()
    close()
    _, close = place.open()
    close()


def test_a_witness_that_forgot_does_not_sign_again(place: Place, clock: ManualClock) -> None:
    (place.folder / "state.json").unlink()
    with pytest.raises(WitnessStateError):
        place.open()
    with pytest.raises(WitnessStateError):
        create_witness(place.folder, NAME, clock)


FORMAT = '{"format": "xinji/witness-state/1", "logs": '


@pytest.mark.parametrize(
    "state",
    [
        "",
        "{}",
        "[]",
        '{"format": "other", "logs": {}}',
        FORMAT + '{"x": {"size": 1}}}',
        FORMAT + '{"x": {"size": 1, "root": "?"}}}',
    ],
)
def test_a_damaged_state_is_refused(place: Place, state: str) -> None:
    (place.folder / "state.json").write_text(state, "utf-8")
    with pytest.raises(WitnessStateError):
        place.open()


def test_no_witness_where_none_was_made(tmp_path: Path) -> None:
    with pytest.raises(WitnessStateError):
        open_state(tmp_path)


def test_making_it_again_changes_nothing_and_completes_what_was_begun(tmp_path: Path, clock: ManualClock) -> None:
    keys = create_witness(tmp_path / "w", NAME, clock)
    assert create_witness(tmp_path / "w", NAME, clock) == keys
    assert (tmp_path / "w-kek" / "signing").stat().st_mode & 0o077 == 0
    ring = key_ring(tmp_path / "begun", clock, kek_folder=tmp_path / "its-kek")
    (tmp_path / "begun" / "state.json").write_bytes((tmp_path / "w" / "state.json").read_bytes())
    sm2 = ring.generate(WITNESS, NAME, SGD_SM3_SM2)
    made = create_witness(tmp_path / "begun", NAME, clock, kek_folder=tmp_path / "its-kek")
    assert made[0].key == sm2
    assert len(made) == 2


def test_a_rotated_key_is_shown_and_does_not_sign(place: Place) -> None:
    cosigner, close = place.open()
    old = cosigner.keys
    key_ring(place.folder, place.clock).rotate(WITNESS, NAME, ED25519)
    assert len(cosigner.keys) == 3
    answer = cosigner.add_checkpoint(request(0, 3))
    assert len(parse_signatures(answer.body.decode())) == 2
    assert len(accepted(answer, note_of(3), old)) == 1
    close()


def test_over_http(place: Place, clock: ManualClock) -> None:
    app = witness_app(place.folder, NAME, [TrustedLog(ORIGIN, "sm3", (LOG_KEY,))], clock)
    with TestClient(app) as client:
        keys = tuple(map(parse_vkey, client.get("/").text.splitlines()))
        assert [key.kind for key in keys] == [Kind.SM2_COSIGNATURE, Kind.ED25519_COSIGNATURE]
        answer = client.post("/add-checkpoint", content=request(0, 3))
        assert answer.status_code == HTTPStatus.OK
        assert Note(note_of(3).text, parse_signatures(answer.text)).verify(keys)
        conflict = client.post("/add-checkpoint", content=request(0, 8))
        assert (conflict.status_code, conflict.text) == (409, "3\n")
        assert conflict.headers["content-type"] == "text/x.tlog.size"
        assert client.get("/add-checkpoint").status_code == HTTPStatus.METHOD_NOT_ALLOWED
        huge = client.post("/add-checkpoint", content=b"x" * (MAX_BODY + 1))
        assert huge.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    _, close = place.open()  # The folder is free again.
    close()
