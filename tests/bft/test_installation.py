"""A whole installation on the network: settings, deployment, the demo's main job, comparison; two validators down."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ledger.chain.keys import address_of
from server.trust import read_trust
from tests.bft.conftest import KEYS, MEMBER, Consensus
from tests.conftest import free_port

pytestmark = pytest.mark.bft
LABEL = "BFT network, 4 validators of 1 operator (CometBFT EVM)"


@pytest.fixture
def environment(consensus: Consensus, tmp_path: Path) -> dict[str, str]:
    """What `xinji ledger devnet` writes to settings.sh, for this network."""
    folder = tmp_path / "keys"
    folder.mkdir()
    keys: dict[str, bytes] = {"member": MEMBER, **KEYS}  # type: ignore[dict-item]
    for name, key in keys.items():
        (folder / name).write_text(key.hex(), "ascii")
        (folder / name).chmod(0o600)
    return {
        **os.environ,
        "XINJI_DATA_DIR": str(tmp_path / "data"),
        "XINJI_CHAIN_ENGINE": "rpc",
        "XINJI_CHAIN_PROFILE": "cosmos-evm",
        "XINJI_CHAIN_ID": str(consensus.network.chain_id),
        "XINJI_CHAIN_RPC": ",".join(consensus.network.urls),
        "XINJI_CHAIN_KEYS": str(folder),
        "XINJI_CHAIN_MEMBER_KEY": str(folder / "member"),
        "XINJI_CHAIN_DEPLOYMENTS": str(tmp_path / "deployments.json"),
        "XINJI_CHAIN_VALIDATORS": "4",
        "XINJI_CHAIN_OPERATORS": "1",
    }


def xinji(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.mark.timeout(600)
def test_the_main_job_on_four_validators(environment: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = xinji(environment, "demo", "--exit", "--port", str(free_port()), "--report", str(report))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"锚定到链：{LABEL}" in report.read_text("utf-8")

    trust = read_trust(tmp_path / "data" / "trust.json")
    assert trust is not None
    (chain,) = trust["chains"]
    deployment = json.loads((tmp_path / "deployments.json").read_text("utf-8"))["deployments"][-1]
    assert (chain["mode"], chain["label"], chain["endorsers"]) == ("rpc", LABEL, [])
    assert chain["contract"] == deployment["addresses"]["CheckpointAnchor"]
    assert deployment["panel"]["members"] == [address_of(MEMBER)]
    with closing(sqlite3.connect(tmp_path / "data" / "xinji.sqlite3")) as database:
        anchors = database.execute("select label, attempts from log_anchor where state = 'final'").fetchall()
        records = database.execute("select count(*) from log_record where state = 'final'").fetchone()
    assert anchors
    assert set(anchors) == {(LABEL, 0)}
    assert records[0] >= 5  # Provinces, cities, counties, schools.

    again = xinji(environment, "ledger", "deploy")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("version 1 on chain 1776\n")
    assert "other members" not in again.stdout
    compared = xinji(environment, "ledger", "compare")
    assert (compared.returncode, compared.stdout) == (0, "0 differences\n"), compared.stderr
