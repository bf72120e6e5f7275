"""One contract for whoever keeps a log's files: a folder, an object store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import FilesUnavailableError, TamperedTilesError
from ledger.publication import cycle as publication_cycle
from ledger.storage.files import Files
from ledger.storage.folder import Folder
from ledger.storage.object_store import ObjectStore
from ledger.storage.tiles import Tiles
from ledger.upkeep.fsck import findings
from ledger.upkeep.repair import repair
from server.parts import log_tiles
from server.settings import Settings
from tests.integration.ledger.fake_s3 import BUCKET, FakeS3, fake_s3
from tests.integration.ledger.world import World


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    with fake_s3() as server:
        yield server


def object_store(s3: FakeS3) -> ObjectStore:
    return ObjectStore(
        BUCKET, "log/2026", endpoint=s3.url, access_key_id="test", secret_access_key="test", region="cn-north-1"
    )


@pytest.fixture(params=["folder", "object store"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "folder":
        return Folder(tmp_path / "files")
    return object_store(request.getfixturevalue("s3"))


def test_what_is_written_is_read(files: Files) -> None:
    assert files.read("tile/0/000") is None
    assert list(files.names("tile")) == []
    new = {"tile/0/000": b"a" * 8192, "tile/0/001.p/3": b"", "tile/entries/x001/002": b"\x00\xff"}
    files.write_new(new)
    files.write_new(new)
    assert {name: files.read(name) for name in new} == new
    assert set(files.names("tile")) == set(new)
    assert set(files.names("tile/0")) == {"tile/0/000", "tile/0/001.p/3"}
    assert files.read("tile/0") is None
    assert files.read("tile/0/000/1") is None


def test_nothing_is_overwritten(files: Files) -> None:
    files.write_new({"tile/0/000": b"a"})
    with pytest.raises(TamperedTilesError, match="tile/0/000 exists with other bytes"):
        files.write_new({"tile/0/001": b"b", "tile/0/000": b"b"})
    assert files.read("tile/0/000") == b"a"


def test_removing_and_replacing(files: Files) -> None:
    files.write_new({"tile/0/000.p/3": b"a", "tile/0/000.p/4": b"b", "tile/0/000": b"c", "tile/0/0001": b"d"})
    assert files.remove("tile/0/000.p") == 2
    assert files.remove("tile/0/000.p") == 0
    assert set(files.names("tile")) == {"tile/0/000", "tile/0/0001"}
    files.replace("tile/0/000", b"right", aside="damaged/1/tile/0/000")
    files.replace("tile/0/002", b"new", aside="damaged/1/tile/0/002")
    assert [files.read(name) for name in ("tile/0/000", "damaged/1/tile/0/000", "tile/0/002")] == [
        b"right",
        b"c",
        b"new",
    ]
    assert files.read("damaged/1/tile/0/002") is None


def test_a_file_changes_by_compare_and_swap(files: Files) -> None:
    """Eight that count at once lose no count."""
    assert not files.update("checkpoint", lambda _: None)
    assert files.read("checkpoint") is None
    failures: list[Exception] = []

    def count() -> None:
        done = 0
        while done < 5:
            try:
                done += files.update("checkpoint", lambda old: str(int(old or b"0") + 1).encode())
            except FilesUnavailableError:  # Others were faster, twenty times.
                continue
            except Exception as error:  # noqa: BLE001 - shown below, whatever it is
                failures.append(error)
                return

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert files.read("checkpoint") == b"40"


def test_a_log_in_an_object_store(sqlite_world: World, s3: FakeS3) -> None:
    """The same bytes as in a folder, checked and repaired there."""
    world = sqlite_world
    log = replace(world.log, tiles=Tiles(object_store(s3)))
    world.submit(range(300))
    publication_cycle.run_once(log)
    world.submit(range(300, 600))
    publication_cycle.run_once(log)
    assert list(findings(log)) == []
    name = "log/2026/tile/0/001"
    good = dict(s3.objects)
    s3.objects[name] = bytes([good[name][0] ^ 1]) + good[name][1:]
    assert [finding.where for finding in repair(log)] == ["tile/0/001"]
    assert {key: data for key, data in s3.objects.items() if "/damaged/" not in key} == good
    Tiles(Folder(world.folder / "again")).extend(0, list(log.tiles.entries(0, 600)))
    for path in (world.folder / "again").rglob("*"):
        if path.is_file():
            assert good[f"log/2026/{path.relative_to(world.folder / 'again')}"] == path.read_bytes()


def test_a_smaller_checkpoint_never_takes_a_larger_one_s_place(sqlite_world: World, s3: FakeS3) -> None:
    log = replace(sqlite_world.log, tiles=Tiles(object_store(s3)))
    notes = []
    for begin in (0, 10):
        sqlite_world.submit(range(begin, begin + 10))
        publication_cycle.run_once(log)
        notes.append(log.tiles.read_checkpoint() or "")
    assert not log.tiles.write_checkpoint(notes[0])
    assert log.tiles.read_checkpoint() == notes[1]


def test_a_store_that_fails_for_a_moment_is_asked_again(s3: FakeS3) -> None:
    files = object_store(s3)
    s3.failing = 2
    files.write_new({"tile/0/000": b"a"})
    assert files.read("tile/0/000") == b"a"


def test_a_store_that_is_gone_is_told_of(s3: FakeS3) -> None:
    files = object_store(s3)
    s3.failing = 1_000
    for call in (
        lambda: files.read("x"),
        lambda: files.write_new({"x": b""}),
        lambda: files.update("x", lambda _: b"1"),
        lambda: list(files.names("x")),
    ):
        with pytest.raises(FilesUnavailableError):
            call()


def test_a_store_that_ignores_conditions_is_refused(s3: FakeS3) -> None:
    object_store(s3).probe()
    assert s3.objects == {}
    s3.careless = True
    with pytest.raises(FilesUnavailableError, match="ignores conditional puts"):
        object_store(s3).probe()
    assert s3.objects == {}


def test_the_settings_say_where_the_files_are(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("REGION", "cn-north-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("XINJI_DATA_DIR", str(tmp_path))
    assert isinstance(log_tiles(Settings()).files, Folder)
    monkeypatch.setenv("XINJI_LOG_BUCKET", f"{BUCKET}/henan/log")
    monkeypatch.setenv("XINJI_LOG_ENDPOINT", s3.url)
    log_tiles(Settings()).files.write_new({"tile/0/000": b"a"})
    assert s3.objects == {"henan/log/tile/0/000": b"a"}
