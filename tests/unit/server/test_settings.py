from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from server.check import findings
from server.settings import (
    Installation,
    Rhythm,
    Settings,
    SettingsError,
    Witness,
    load_installation,
    save_installation,
)


def witness(organisation: str) -> Witness:
    return Witness(organisation=organisation, url="http://127.0.0.1:1", vkeys=["x"])


def test_key_encryption_keys_may_not_lie_in_the_data_folder(tmp_path: Path) -> None:
    for keys in (tmp_path / "data", tmp_path / "data" / "keys"):
        with pytest.raises(ValidationError, match="must lie outside"):
            Settings(data_dir=tmp_path / "data", keys_dir=keys)
    assert Settings(data_dir=tmp_path / "data").key_folder == tmp_path / "data.keys"


def test_the_base_address_is_fixed_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with pytest.raises(SettingsError, match="holds no installation"):
        load_installation(settings)
    save_installation(settings, Installation(base_url="https://xinji.example"))
    assert load_installation(settings).log_origin == "xinji.example/log"
    same = Settings(data_dir=tmp_path / "data", base_url="https://xinji.example/")
    assert load_installation(same).base_url == "https://xinji.example"
    other = Settings(data_dir=tmp_path / "data", base_url="https://other.example")
    with pytest.raises(SettingsError, match="cannot change"):
        load_installation(other)


def test_entity_ids_come_from_the_base_address() -> None:
    installation = Installation(base_url="https://xinji.example", province="610000")
    assert installation.root_id == "https://xinji.example/authorities/610000"
    assert installation.status_id == "https://xinji.example/authorities/610000/status"
    assert installation.school_id("4161010698") == "https://xinji.example/schools/4161010698"
    assert installation.province_digits == "61"


@pytest.mark.parametrize(
    ("installation", "setting"),
    [
        (Installation(base_url="http://xinji.example"), "XINJI_BASE_URL"),
        (Installation(base_url="https://xinji.example", demo=True), "demo"),
        (Installation(base_url="https://xinji.example"), "witnesses"),
        (
            Installation(base_url="https://xinji.example", witnesses=[witness("a"), witness("b")], quorum=1),
            "quorum",
        ),
        (Installation(base_url="https://xinji.example", rhythm=Rhythm(sequencing=1)), "rhythm.sequencing"),
    ],
)
def test_each_insecure_setting_is_found(tmp_path: Path, installation: Installation, setting: str) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url="postgresql+psycopg://x")
    assert setting in {finding.setting for finding in findings(settings, installation)}


def test_what_is_in_order_is_not_found(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url="postgresql+psycopg://x")
    settings.key_folder.mkdir(mode=0o700)
    installation = Installation(base_url="https://xinji.example", witnesses=[witness("a")], quorum=1)
    found = {finding.setting for finding in findings(settings, installation)}
    assert found == {"chain", "signing keys"}  # Until the consortium's chain and an SDF device are there.
    settings.key_folder.chmod(0o755)
    assert "XINJI_KEYS_DIR" in {finding.setting for finding in findings(settings, installation)}
    sqlite = Settings(data_dir=tmp_path / "data")
    assert "XINJI_DATABASE_URL" in {finding.setting for finding in findings(sqlite, installation)}


def test_commits_are_on_disk_unless_somebody_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(data_dir=tmp_path / "data").sqlite_synchronous == "full"
    monkeypatch.setenv("XINJI_SQLITE_SYNCHRONOUS", "NORMAL")
    faster = Settings(data_dir=tmp_path / "data")
    assert faster.sqlite_synchronous == "normal"
    listed = findings(faster, Installation(base_url="https://xinji.example"))
    assert "XINJI_SQLITE_SYNCHRONOUS" in {finding.setting for finding in listed}
    monkeypatch.setenv("XINJI_SQLITE_SYNCHRONOUS", "off")  # That could lose half a commit.
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path / "data")
