"""The command `xinji-verify`: exit status, words, trust file."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.making.keys import token
from tests.vectors.making.recipe import packed
from tests.vectors.making.world import DAY, INDEX, LIST_URI, LISTED, LISTED_UNTIL, SERVICE, trust_file, trust_payload
from tests.vectors.verification_files import NAMES, Vector, read
from xinji_client import cli
from xinji_client.report import Step, fill, messages, verdict, written

NOW = read("valid_university").now
EXIT = {"valid": 0, "mismatch": 1, "revoked": 1, "suspended": 1, "superseded": 1, "operator_only": 2, "incomplete": 2}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def run(home: Path, *arguments: str, now: datetime = NOW, **environment: str) -> int:
    return cli.main(arguments, now=now, environment={"HOME": str(home)} | environment)


def saved(home: Path, vector: Vector) -> tuple[str, str]:
    """Save a vector's files; return the paths of bundle and trust file."""
    bundle, trust = home / "credential.xinji.json", home / "trusted.json"
    text = vector.bundle if isinstance(vector.bundle, str) else json.dumps(vector.bundle)
    bundle.write_text(text, encoding="utf-8")
    trust.write_text(vector.trust, encoding="utf-8")
    return str(bundle), str(trust)


@pytest.mark.parametrize("name", [name for name in NAMES if read(name).status is None])
def test_the_exit_status_follows_the_verdict(home: Path, name: str) -> None:
    vector = read(name)
    bundle, trust = saved(home, vector)
    unsigned = name in {"trust_signed_by_a_stranger", "trust_tampered"}
    assert run(home, bundle, "--trust", trust, now=vector.now) == (2 if unsigned else EXIT[vector.verdict])


def test_a_report_for_a_person(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    assert run(home, bundle, "--trust", trust) == 0
    said = capsys.readouterr()
    assert said.out.startswith("有效\n")
    assert "【通过】独立见证：2 家独立单位见证了这份日志（要求 2 家）。" in said.out
    assert "郑州大学 (4141010459)" in said.out
    assert f"信任文件：{trust}（版本 1，有效至 2027-01-01T00:00:00Z）" in said.out
    assert said.err == ""
    assert run(home, bundle, "--trust", trust, "--lang", "en") == 0
    said = capsys.readouterr()
    assert said.out.startswith("Valid\n")
    assert "[Could not be checked] Anchor on the chain" in said.out
    assert "Diploma of Graduation" in said.out
    assert "Zhengzhou University (4141010459)" in said.out
    assert f"Trust file: {trust} (version 1, until 2027-01-01T00:00:00Z)" in said.out


def test_a_reason_is_told_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("revoked_with_reason"))
    assert run(home, bundle, "--trust", trust) == 1
    assert "    原因：证书发放有误\n" in capsys.readouterr().out


def test_a_report_for_a_program(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    assert run(home, bundle, "--trust", trust, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"]["code"] == "valid"
    assert report["trust"] == {"file": trust, "version": 1, "until": "2027-01-01T00:00:00Z"}


@pytest.mark.parametrize(("language", "word"), [("zh", "文件残缺"), ("en", "damaged")])
@pytest.mark.parametrize("name", ["truncated", "duplicate_key", "format_other"])
def test_a_damaged_file_is_told_in_a_sentence(
    home: Path, name: str, language: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, trust = saved(home, read(name))
    assert run(home, bundle, "--trust", trust, "--lang", language) == 1
    assert word in capsys.readouterr().err
    # Also where no trust file is at hand: what cannot be read fails before anybody.
    assert run(home, bundle, "--json", "--lang", language) == 1
    said = capsys.readouterr()
    assert word in said.err
    assert json.loads(said.out)["trust"] is None
    assert run(home, bundle) == 1


def test_an_expired_trust_file_is_named_as_such(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("trust_expired"))
    assert run(home, bundle, "--trust", trust) == 2
    assert "信任文件已过期" in capsys.readouterr().out


def test_without_a_trust_file_the_message_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    assert run(home, bundle) == 2
    assert "--pin-trust" in capsys.readouterr().err
    Path(trust).write_text("{}")
    assert run(home, bundle, "--trust", trust, "--lang", "en") == 2
    assert "of no use" in capsys.readouterr().err
    assert run(home, bundle, "--trust", str(home / "missing.json")) == 2


def test_files_that_cannot_be_opened(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, str(home / "missing")) == 2
    assert "missing" in capsys.readouterr().err
    assert run(home, str(home)) == 2
    assert run(home, "--pin-trust", str(home / "missing")) == 2


def test_a_file_too_large_is_not_read_whole(home: Path) -> None:
    large = home / "large.xinji.json"
    large.write_bytes(b" " * (5 << 20))
    assert run(home, str(large)) == 1


def test_the_trust_file_is_looked_for_in_order(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, _ = saved(home, read("valid_university"))

    def write(place: Path, version: int) -> str:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(trust_file(trust_payload() | {"version": version})))
        return str(place)

    def used(*arguments: str, **environment: Any) -> int:
        assert run(home, bundle, "--json", *arguments, **environment) == 0
        return int(json.loads(capsys.readouterr().out)["trust"]["version"])

    write(home / ".config" / "xinji" / "trust.json", 5)
    assert used() == 5
    write(home / "xdg" / "xinji" / "trust.json", 4)
    assert used(XDG_CONFIG_HOME=str(home / "xdg")) == 4
    data: dict[str, Any] = {"XDG_CONFIG_HOME": str(home / "xdg"), "XINJI_DATA_DIR": str(home / "data")}
    assert used(**data) == 4
    write(home / "data" / "trust.json", 3)
    assert used(**data) == 3
    named = write(home / "named.json", 2)
    assert used(**data, XINJI_TRUST_FILE=named) == 2
    assert used("--trust", write(home / "given.json", 1), **data, XINJI_TRUST_FILE=named) == 1


def test_a_first_trust_file_is_pinned_for_the_user(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    pinned = home / ".config" / "xinji" / "trust.json"
    assert run(home, "--pin-trust", trust, XINJI_DATA_DIR=str(home)) == 0
    assert pinned.read_text() == Path(trust).read_text()
    assert str(pinned) in capsys.readouterr().err
    assert run(home, bundle) == 0


def test_pinning_and_checking_at_once(home: Path) -> None:
    bundle, trust = saved(home, read("valid_university"))
    own = str(home / "own.json")
    assert run(home, bundle, "--pin-trust", trust, XINJI_TRUST_FILE=own) == 0
    assert Path(own).exists()
    assert run(home, bundle, "--pin-trust", trust, "--trust", str(home / "other" / "own.json")) == 0


def test_a_trust_file_that_may_not_be_pinned(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    assert run(home, "--pin-trust", trust) == 0
    stranger = home / "stranger.json"
    stranger.write_text(json.dumps(trust_file(trust_payload() | {"version": 2}, ("stranger",))))
    assert run(home, bundle, "--pin-trust", str(stranger)) == 2
    assert "信任文件不可用" in capsys.readouterr().err
    blocked = home / "file"
    blocked.write_text("")
    assert run(home, "--pin-trust", trust, "--trust", str(blocked / "below" / "trust.json")) == 2


@pytest.mark.parametrize(("state", "expected"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_a_fresh_list_decides(home: Path, state: int, expected: int, suite: str) -> None:
    bundle, trust = saved(home, read("valid_university"))
    payload = {
        "sub": LIST_URI,
        "iss": SERVICE,
        "iat": LISTED + DAY,
        "exp": LISTED_UNTIL + DAY,
        "status_list": {"bits": 2, "lst": packed({INDEX: state})},
    }
    fresh = home / "list.jwt"
    fresh.write_text(token(payload, "status service issuing", suite, typ="statuslist+jwt") + "\n")
    later = NOW + timedelta(days=1)
    assert run(home, bundle, "--trust", trust, now=later) == 2
    assert run(home, bundle, "--trust", trust, "--status", str(fresh), now=later) == expected


def test_a_list_that_cannot_be_read_decides_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, trust = saved(home, read("valid_university"))
    fresh = home / "list.jwt"
    for content in (b"", b"\xff", b"a.b.c", b"a" * (2 << 20)):
        fresh.write_bytes(content)
        assert run(home, bundle, "--trust", trust, "--status", str(fresh)) == 2
        assert "状态清单" in capsys.readouterr().err
    assert run(home, bundle, "--trust", trust, "--status", str(home / "missing")) == 2


def test_wrong_usage(home: Path) -> None:
    for arguments in ((), ("--nonsense",), ("a", "b"), ("a", "--lang", "fr")):
        with pytest.raises(SystemExit) as left:
            run(home, *arguments)
        assert left.value.code == 2


def test_a_terminal_without_chinese_gets_no_traceback(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, trust = saved(home, read("valid_university"))
    written_to = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written_to, encoding="ascii"))
    assert run(home, bundle, "--trust", trust) == 0
    sys.stdout.flush()
    assert b"\\u6709\\u6548" in written_to.getvalue()


def test_a_stream_that_cannot_be_told_how_to_encode(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, trust = saved(home, read("valid_university"))
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stdout", plain)
    assert run(home, bundle, "--trust", trust) == 0
    assert "有效" in plain.getvalue()


def test_the_command_runs_by_itself(home: Path) -> None:
    """As a program, with the machine's own clock and environment."""
    source = Path(cli.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "xinji_client.cli", "missing.json"],
        cwd=home,
        env={"PYTHONPATH": str(source), "HOME": str(home)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"missing.json" in done.stderr


def test_run_as_a_module(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["xinji-verify", str(home / "missing")])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(cli.__file__, run_name="__main__")
    assert left.value.code == 2


def test_every_sentence_of_the_command_is_said_in_both_languages() -> None:
    assert cli.SAID["zh"].keys() == cli.SAID["en"].keys()


def test_sentences_are_filled() -> None:
    evidence: dict[str, Any] = {"a": "2026-06-30T06:03:00Z", "b": ["x", "y"], "c": 3}
    assert fill("{a} {b} {c} {d}", evidence, "zh") == "2026年6月30日 14:03 x、y 3 ?"
    assert fill("{a} {b}", evidence, "en") == "30 June 2026 14:03 x, y"
    assert written(("x",), "en") == "x"


def test_the_order_of_verdicts() -> None:
    """Every combination of two codes, with and without witnesses named."""
    steps = {"integrity": "integrity_ok", "status": "status_ok", "anchor": "anchor_ok", "holder": "holder_ok"}

    def of(*, named: bool | None = True, **codes: str) -> str:
        return verdict({name: Step(code) for name, code in (steps | codes).items()}, witnesses_named=named)

    assert of() == "valid"
    assert of(anchor="anchor_absent", holder="holder_not_bound") == "valid"
    assert of(anchor="anchor_mismatch") == of(holder="holder_failed") == "mismatch"
    assert of(status="status_stale") == of(integrity="integrity_engine_missing") == "incomplete"
    assert of(named=False) == of(named=False, status="status_stale") == "operator_only"
    assert of(named=None) == "valid"
    for code in ("revoked", "suspended", "superseded"):
        assert of(status=f"status_{code}") == of(named=False, status=f"status_{code}") == code
        assert of(status=f"status_{code}", integrity="integrity_engine_missing") == code
        assert of(status=f"status_{code}", integrity="integrity_signature") == "mismatch"
        assert of(status=f"status_{code}", anchor="anchor_mismatch") == "mismatch"
    assert messages()["format"] == "xinji/messages/1"
