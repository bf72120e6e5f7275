"""Which chain an installation is on follows from its settings; a chain that is away keeps nothing else waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from kernel.db import Base
from ledger.chain.artifact import CONTRACTS
from ledger.chain.base import SignedTransaction
from ledger.chain.deployments import FORMAT
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import ChainMismatchError, ChainUnavailableError, NotDeployedError, TransactionRefusedError
from ledger.chain.keys import WRITERS, address_of, load_or_create_key, read_key, sender_of
from ledger.chain.rpc import RpcChain
from server import chain as server_chain
from server.chain import Opening, as_it_is, chain_of, described
from server.check import findings
from server.consortium import deployments_file, our_member, profile_of, writers
from server.parts import Parts, build_parts
from server.settings import ChainSettings, Installation, Settings, save_installation

NOBODY = "http://127.0.0.1:9"
DIGEST = bytes([7]) * 32


def parts_of(folder: Path, **chain: Any) -> Parts:
    settings = Settings(data_dir=folder / "data", rpc_chain=ChainSettings(**chain))
    save_installation(settings, Installation(base_url="http://localhost:8000"))
    parts = build_parts(settings)
    Base.metadata.create_all(parts.database.engine)
    return parts


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Parts]:
    """An installation on a chain of which no node answers, with contracts that others deployed."""
    file = tmp_path / "deployments.json"
    file.write_text(json.dumps({"format": FORMAT, "deployments": [_deployment(1), _deployment(2)]}), "utf-8")
    parts = parts_of(
        tmp_path, engine="rpc", rpc=(NOBODY,), id=7, deployments=file, validators=4, operators=4, confirmations=3
    )
    yield parts
    parts.database.dispose()


def _deployment(version: int) -> dict[str, Any]:
    addresses = {name: f"0x{version:02x}{place:038x}" for place, name in enumerate(CONTRACTS)}
    panel = {"members": [addresses["Approvals"]], "endorsers": [f"0x{version:040x}"], "threshold": 1}
    return {
        "version": version,
        "chain_id": 7,
        "deployer": f"0x{0:040x}",
        "first_nonce": 0,
        "addresses": addresses,
        "panel": panel,
        "complete": True,
        "code_hashes": {},
    }


# Settings


def test_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XINJI_CHAIN_ENGINE", "rpc")
    monkeypatch.setenv("XINJI_CHAIN_RPC", f"{NOBODY}, https://b.example/rpc")
    monkeypatch.setenv("XINJI_CHAIN_ID", "4100001")
    monkeypatch.setenv("XINJI_CHAIN_AGREE", "2")
    chain = Settings(data_dir=tmp_path).rpc_chain
    assert (chain.engine, chain.profile, chain.id, chain.agree) == ("rpc", "besu-qbft", 4_100_001, 2)
    assert chain.rpc == (NOBODY, "https://b.example/rpc")


@pytest.mark.parametrize(
    "chain",
    [
        {"engine": "rpc"},
        {"engine": "rpc", "rpc": (NOBODY,)},
        {"engine": "rpc", "id": 7},
        {"engine": "rpc", "rpc": ("localhost:8545",), "id": 7},
        {"engine": "rpc", "rpc": (NOBODY,), "id": 7, "agree": 2},
        {"profile": "ganache"},
        {"confirmations": 0},
    ],
)
def test_what_cannot_be_meant_is_refused(chain: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChainSettings(**chain)


def test_without_any_it_is_the_embedded_chain(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    chain = as_it_is(parts)
    assert isinstance(chain, EmbeddedChain)
    chain.close()
    parts.database.dispose()


# A chain that is away


def test_it_opens_later_and_nothing_waits_for_it(away: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = chain_of(away)
    assert isinstance(chain, RpcChain)
    assert chain.label == "BFT network, 4 validators of 4 operators (Besu QBFT)"
    assert profile_of(away.settings.rpc_chain).confirmations == 3
    opening, steps = Opening(away, chain), list[str]()

    def step() -> int:
        steps.append("x")
        return 1

    monkeypatch.setattr(server_chain, "our_province", lambda _: ("0000410000", DIGEST))
    with structlog.testing.capture_logs() as said:
        opening.try_once()
        for _ in range(3):
            assert opening.turn(step) == 0
    assert steps == []  # Nothing is signed for contracts that nobody has looked at.
    assert [event["event"] for event in said] == ["chain_unavailable"]  # Once, and not at each turn.

    monkeypatch.setattr(chain, "deploy", lambda *_: chain.contract)
    monkeypatch.setattr(chain, "admit_province", lambda *_: None)
    with structlog.testing.capture_logs() as said:
        assert opening.turn(step) == 1
        monkeypatch.setattr(chain, "deploy", _fail)  # It is open, and is not opened again.
        assert opening.turn(lambda: 5) == 5
    assert steps == ["x"]
    assert [event["event"] for event in said] == ["chain_reached"]


def _fail(*_: object) -> str:
    raise ChainUnavailableError("away again")


def test_what_the_panel_must_do_first_is_said(away: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = as_it_is(away)

    def unknown(*_: object) -> str:
        raise NotDeployedError("the panel must open it")

    monkeypatch.setattr(chain, "deploy", unknown)
    with pytest.raises(NotDeployedError):
        Opening(away, chain).try_once()


def test_the_trust_file_names_all_contracts_and_what_the_chain_is(away: Parts) -> None:
    present, earlier = described(away, as_it_is(away))
    assert (present["id"], present["mode"], present["chain_id"]) == ("rpc", "rpc", 7)
    assert present["label"] == "BFT network, 4 validators of 4 operators (Besu QBFT)"
    assert present["contract"].lower() == _deployment(2)["addresses"]["CheckpointAnchor"]
    assert present["endorsers"] == [f"0x{2:040x}"]
    assert (earlier["id"], earlier["endorsers"]) == ("rpc/1", [f"0x{1:040x}"])


def test_nobody_has_deployed(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, engine="rpc", rpc=(NOBODY, NOBODY), id=7)
    assert deployments_file(parts).path == parts.settings.data_dir / "chain" / "deployments-7.json"
    with pytest.raises(NotDeployedError, match="xinji ledger deploy"):
        as_it_is(parts)
    parts.database.dispose()


def test_a_member_that_cannot_be_heard(tmp_path: Path, away: Parts) -> None:
    """Its part is done at a later start."""
    load_or_create_key(tmp_path / "member")
    chain = away.settings.rpc_chain
    chain.member_key = tmp_path / "member"
    with pytest.raises(ChainUnavailableError):
        our_member(away)
    with structlog.testing.capture_logs() as said:
        assert isinstance(chain_of(away), RpcChain)
    assert [event["event"] for event in said] == ["chain_unavailable"]
    chain.member_key = None
    assert our_member(away) is None


# Keys


def test_the_writers_keys_are_derived_or_files(tmp_path: Path, away: Parts) -> None:
    derived = writers(away)
    assert set(derived) == set(WRITERS)
    assert len(set(derived.values())) == 3
    assert writers(away) == derived
    folder = tmp_path / "keys"
    made = {name: load_or_create_key(folder / name) for name in WRITERS}
    away.settings.rpc_chain.keys = folder
    assert writers(away) == made
    assert writers(away) != derived
    (folder / "StatusAnchor").unlink()
    with pytest.raises(FileNotFoundError):
        writers(away)


def test_a_key_file_is_for_its_owner_and_holds_a_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key == read_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert address_of(bytes([0] * 31 + [1])) == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    for wrong in ("", "zz", "00" * 32, "11" * 31):
        path.write_text(wrong, "ascii")
        with pytest.raises(ChainMismatchError):
            read_key(path)
    path.write_text("11" * 32, "ascii")
    path.chmod(0o640)
    with pytest.raises(ChainMismatchError, match="chmod 600"):
        read_key(path)
    with pytest.raises(TransactionRefusedError):
        sender_of(SignedTransaction(0, b"\x02\xc0", bytes(32)))


# What production may not have


def test_insecure_settings_of_a_chain_are_listed(tmp_path: Path) -> None:
    def found(**chain: Any) -> set[str]:
        settings = Settings(data_dir=tmp_path, rpc_chain=ChainSettings(**chain))
        listed = {finding.setting for finding in findings(settings, Installation(base_url="https://x.example"))}
        return {name for name in listed if "chain" in name.lower()}

    assert found() == {"chain"}
    nodes = (NOBODY, "https://b.example")
    assert found(engine="rpc", rpc=nodes, id=7, validators=4, operators=4) == set()
    assert found(engine="rpc", rpc=nodes[:1], id=7) == {"XINJI_CHAIN_RPC"}
    devnet = {"profile": "cosmos-evm", "operators": 1, "member_key": tmp_path / "member"}
    assert found(engine="rpc", rpc=nodes, id=7, **devnet) == {
        "XINJI_CHAIN_PROFILE",
        "XINJI_CHAIN_OPERATORS",
        "XINJI_CHAIN_MEMBER_KEY",
    }
