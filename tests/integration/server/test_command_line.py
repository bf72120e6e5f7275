"""What a person sees who calls `xinji` in a way that cannot work: a sentence and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crypto.errors import UnknownKeyError
from crypto.jose import SUITE_ALG
from crypto.keyring import KeyRing
from kernel.clock import SystemClock
from server import setup
from server.commands import keys
from server.parts import key_folder, signer_keys
from server.settings import Installation, Settings

ROOT = Path(__file__).parents[3]


def xinji(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env={**os.environ, "XINJI_DATA_DIR": str(data), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve",), "holds no installation"),
        (("check",), "holds no installation"),
        (("nonsense",), "there is no command nonsense"),
        (("init", "--officer-name", "张三", "--officer-document", "110105194912310021"), "the last sign should be"),
        (("witness", "--folder", "{tmp}/w", "--name", "a b", "--keys-only"), "xinji:"),
    ],
)
def test_it_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = xinji(tmp_path / "data", *(word.replace("{tmp}", str(tmp_path)) for word in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_production_refuses_an_insecure_installation(tmp_path: Path) -> None:
    made = xinji(tmp_path / "data", "init", "--officer-name", "张三", "--officer-document", "11010519491231002X")
    assert made.returncode == 0
    assert "activation code" in made.stdout
    refused = xinji(tmp_path / "data", "serve", XINJI_PRODUCTION="true")
    assert refused.returncode == 2
    assert "XINJI_BASE_URL" in refused.stderr
    listed = xinji(tmp_path / "data", "check")
    assert listed.returncode == 1


def test_keys_are_listed_rotated_and_withdrawn(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert xinji(data, "init", "--officer-name", "张三", "--officer-document", "11010519491231002X").returncode == 0
    assert xinji(data, "keys", "rotate", "--alg", "ES256").stdout == "1 published; each signs in 24 hours\n"
    rows = [line.split() for line in xinji(data, "keys", "list").stdout.splitlines()]
    assert [(row[0], row[1]) for row in rows if row[0] == "ES256"] == [("ES256", "active"), ("ES256", "next")]
    assert len(rows) == 6
    bad = next(row[-1] for row in rows if row[:2] == ["ES256", "active"])
    assert "not published any more" in xinji(data, "keys", "retire", bad, "--compromised").stdout
    rows = [line.split() for line in xinji(data, "keys", "list").stdout.splitlines()]
    assert [row[1] for row in rows if row[0] == "ES256"] == ["destroyed", "active"]
    refused = xinji(data, "keys", "retire", bad)
    assert refused.returncode == 2
    assert "is destroyed" in refused.stderr
    assert "Traceback" not in refused.stderr
    for name in ("-9B_af2Q9HEasJLEHk9vCh7ydJoiIOMAV4pupZRtJYw", "--B_af2Q9HEasJLEHk9vCh7ydJoiIOMAV4pupZRtJYw"):
        unknown = xinji(data, "keys", "retire", name, "--compromised")  # As base64url may begin: no option.
        assert (unknown.returncode, f"no key {name}" in unknown.stderr) == (2, True), unknown.stderr


def test_the_status_service_gets_new_keys_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("XINJI_DATA_DIR", str(data))
    settings = Settings()
    setup.prepare(settings, Installation(base_url="http://localhost:8000"))
    with pytest.raises(UnknownKeyError):
        keys.rotate_status(now=False)
    ring = KeyRing(signer_keys(settings), key_folder(settings).load_or_create("signing"), SystemClock())
    for alg in SUITE_ALG.values():
        ring.generate("status", "http://localhost:8000/authorities/410000/status", alg)
    for now in (False, False, True):
        keys.rotate_status(now=now)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["announced;", "the", "rotated;"]
