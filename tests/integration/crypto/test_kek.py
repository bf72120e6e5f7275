from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from crypto.errors import KeyCustodyError
from crypto.kek import NAMES, KekFolder


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    first = KekFolder(tmp_path / "keks", data_folder=tmp_path / "data").load_or_create("signing")
    again = KekFolder(tmp_path / "keks", data_folder=tmp_path / "data").load_or_create("signing")
    assert first == again
    assert len(first) == 32


def test_every_name_has_its_own_key(tmp_path: Path) -> None:
    folder = KekFolder(tmp_path / "keks")
    assert len({folder.load_or_create(name) for name in NAMES}) == len(NAMES) == 7


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    folder = KekFolder(tmp_path / "keks")
    folder.load_or_create("fields")
    assert stat.S_IMODE((tmp_path / "keks").stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keks").iterdir()] == [0o600]


@pytest.mark.parametrize("inside", ["data", "data/keks", "data/a/../keks", "."])
def test_a_folder_in_one_tree_with_the_data_is_refused(tmp_path: Path, inside: str) -> None:
    with pytest.raises(KeyCustodyError, match="data folder"):
        KekFolder(tmp_path / inside, data_folder=tmp_path / "data")


def test_a_link_into_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "keks").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "keks")
    with pytest.raises(KeyCustodyError):
        KekFolder(tmp_path / "link", data_folder=tmp_path / "data")


@pytest.mark.parametrize("name", ["", "other", "../signing", "signing/", "/etc/passwd"])
def test_an_unknown_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyCustodyError):
        KekFolder(tmp_path / "keks").load_or_create(name)


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 33, "\u4fe1"])
def test_a_damaged_file_is_an_error_and_is_not_replaced(tmp_path: Path, content: str) -> None:
    folder = KekFolder(tmp_path / "keks")
    folder.load_or_create("fields")
    (tmp_path / "keks" / "fields").write_text(content, encoding="utf-8")
    with pytest.raises(KeyCustodyError, match="damaged"):
        folder.load_or_create("fields")
    assert (tmp_path / "keks" / "fields").read_text("utf-8") == content


def test_a_file_or_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    folder = KekFolder(tmp_path / "keks")
    folder.load_or_create("fields")
    (tmp_path / "keks" / "fields").chmod(0o640)
    with pytest.raises(KeyCustodyError, match="open"):
        folder.load_or_create("fields")
    (tmp_path / "keks").chmod(0o755)
    with pytest.raises(KeyCustodyError, match="open"):
        KekFolder(tmp_path / "keks")


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = KekFolder(tmp_path / "keks")
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    with pytest.raises(KeyCustodyError, match="user"):
        folder.load_or_create("fields")


def test_all_who_come_first_get_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    barrier = threading.Barrier(8)

    def come() -> None:
        folder = KekFolder(tmp_path / "keks")
        barrier.wait()
        keys.append(folder.load_or_create("shares"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [file.name for file in (tmp_path / "keks").iterdir()] == ["shares"]
