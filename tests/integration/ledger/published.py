"""A log of somebody else's behind HTTP, signed with keys made here: no database, no installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from crypto.keys import ED25519, SGD_SM3_SM2, PrivateKey, generate_key
from ledger.formats.checkpoint import Checkpoint, WitnessPolicy, signature_by
from ledger.formats.merkle import TreeHead
from ledger.formats.note import Note
from ledger.formats.vkey import VerifierKey, kind_of
from ledger.storage.tiles import TileFolder
from ledger.upkeep.mirror import Mirror
from ledger.upkeep.reading import HttpSource
from tests.integration.ledger.test_tiles import ENTRY

ORIGIN = "log.example/2026"
Bend = Callable[[str, bytes], bytes]


class Published:
    """A log's folder behind HTTP, with a wire that can be cut and files that can be bent."""

    def __init__(self, folder: Path, *, hash_name: str = "sm3") -> None:
        self.tiles = TileFolder(folder, hash_name)
        self.private = [generate_key(ED25519), generate_key(SGD_SM3_SM2)]
        self.keys = tuple(self._vkey(key) for key in self.private)
        self.asked: list[str] = []
        self.left = 1_000_000
        self.bend: Bend = lambda _, data: data
        self.more: dict[str, bytes] = {}
        self.note = ""
        self.size = 0

    def grow(self, size: int, entries: list[bytes] = ENTRY) -> None:
        self.tiles.extend(self.size, entries[self.size : size])
        self.publish(self.tiles.head(size))
        self.tiles.prune(self.size, size)
        self.size = size

    def publish(self, head: TreeHead, origin: str = ORIGIN) -> None:
        text = str(Checkpoint(origin, head))
        lines = [signature_by(self._vkey(key), key.sign(text.encode())) for key in self.private]
        self.note = str(Note(text, tuple(lines)))

    def source(self) -> HttpSource:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        return HttpSource("https://log.example/2026/", client=client)

    def mirror(self, folder: Path, policy: WitnessPolicy | None = None) -> Mirror:
        return Mirror(self.source(), TileFolder(folder, self.tiles.hash_name), ORIGIN, self.keys, policy)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/2026/")
        self.asked.append(name)
        self.left -= 1
        if self.left < 0:
            raise httpx.ConnectError("cut")
        data = self.note.encode() if name == "checkpoint" else self.more.get(name, self.tiles.files.read(name))
        return httpx.Response(404) if data is None else httpx.Response(200, content=self.bend(name, data))

    @staticmethod
    def _vkey(key: PrivateKey) -> VerifierKey:
        return VerifierKey(ORIGIN, kind_of(key.public.alg, timestamped=False), key.public)
