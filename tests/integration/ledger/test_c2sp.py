"""A log with SHA-256 is, byte for byte, what Tessera writes: tiles, entry bundles, the Ed25519 line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crypto.encoding import from_b64
from crypto.hashes import sha256
from ledger.formats.checkpoint import Checkpoint, open_checkpoint, signature_by
from ledger.formats.merkle import TreeHead
from ledger.formats.note import Note
from ledger.formats.vkey import parse_vkey
from ledger.storage.tiles import TileFolder

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ledger" / "tessera.json").read_text("utf-8")
)
KEY = parse_vkey(VECTOR["vkey"])


def entry(index: int) -> bytes:
    return b"\x014141010459" + sha256(f"xinji vector {index}".encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TileFolder:
    tiles = TileFolder(tmp_path_factory.mktemp("log"), "sha-256")
    old = 0
    for size in VECTOR["sizes"]:
        tiles.extend(old, [entry(index) for index in range(old, size)])
        old = size
    return tiles


def test_the_files_are_tessera_s(folder: TileFolder) -> None:
    names = sorted(folder.files.names("tile"))
    assert len(names) == VECTOR["files"]
    digests = {name: sha256(folder.files.read(name) or b"").hex() for name in names}
    assert {name: digests[name] for name in VECTOR["some"]} == VECTOR["some"]
    lines = "".join(f"{name} {digests[name]}\n" for name in names)
    assert sha256(lines.encode()).hex() == VECTOR["digest"]


def test_the_checkpoints_are_tessera_s(folder: TileFolder) -> None:
    """Ed25519 signatures are deterministic: the whole note is the same, signature included."""
    seed = from_b64(VECTOR["skey"].split("+", 4)[4])[1:]
    private = Ed25519PrivateKey.from_private_bytes(seed)
    for size, theirs in zip(VECTOR["sizes"], VECTOR["checkpoints"], strict=True):
        head = folder.head(size)
        assert open_checkpoint(theirs, origin=KEY.name, keys=[KEY]).checkpoint.head == head
        text = str(Checkpoint(KEY.name, TreeHead(size, head.root_hash)))
        assert str(Note(text, (signature_by(KEY, private.sign(text.encode())),))) == theirs
