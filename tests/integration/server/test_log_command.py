"""`xinji log`: what it says, and with which status it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from crypto.keys import ED25519, generate_key
from kernel.errors import XinjiError
from ledger.formats.vkey import VerifierKey, kind_of
from server.commands.log import app
from tests.integration.server.test_command_line import xinji


def vkey(name: str = "log.example/2026") -> str:
    return str(VerifierKey(name, kind_of(ED25519, timestamped=False), generate_key(ED25519).public))


def test_the_check_of_a_new_installation_and_of_a_strange_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert xinji(data, "log", "fsck").returncode == 2
    assert xinji(data, "init", "--officer-name", "张三", "--officer-document", "11010519491231002X").returncode == 0
    whole = xinji(data, "log", "fsck")
    assert (whole.returncode, whole.stdout) == (0, "没有发现问题。 The log is whole.\n")
    stray = data / "log" / "tile" / "0" / "000"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(bytes(32))
    for arguments in (("fsck",), ("fsck", "--repair")):
        found = xinji(data, "log", *arguments)
        assert found.returncode == 1
        assert found.stdout == "tile/0/000: reaches beyond the 0 entries of the database\n"
        assert "1 findings" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--vkey", "nonsense"], "a verifier key is"),
        (["--vkey", vkey(), "--vkey", vkey("other.example")], "all keys of one log"),
        (["--vkey", vkey(), "--tree-hash", "md5"], "one of sm3, sha-256"),
        (["--vkey", vkey(), "--quorum", "1"], "cannot give a quorum of 1"),
        (["--vkey", vkey(), "--witness", "A"], "organisation|vkey"),
        (["--vkey", vkey()], "the source does not answer"),
    ],
)
def test_a_mirror_says_what_is_wrong(tmp_path: Path, arguments: list[str], says: str) -> None:
    address = ["--from", "http://127.0.0.1:9", "--to", str(tmp_path / "copy")]
    done = CliRunner().invoke(app, ["mirror", *address, *arguments])
    assert done.exit_code
    assert says in done.output + str(done.exception)
    assert isinstance(done.exception, (XinjiError, SystemExit))
    assert not (tmp_path / "copy").exists()
