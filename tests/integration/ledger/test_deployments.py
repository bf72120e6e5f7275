"""Versioned deployments: written down first, gone on with after a crash, old ones left as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_keys.datatypes import PrivateKey
from web3.types import RPCEndpoint, RPCResponse

from kernel.clock import ManualClock
from ledger.chain import embedded as embedded_module
from ledger.chain.artifact import ARTIFACTS, CONTRACTS, Artifact
from ledger.chain.base import CHECKPOINTS, NO_ROOT, REGISTRY, STATUS, AnchorCall, Call, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import FORMAT, DeploymentsFile, Panel
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import ChainMismatchError, ChainUnavailableError, NotDeployedError, TransactionRefusedError
from ledger.chain.kv import SqliteStore
from ledger.chain.pyevm import StoredBackend
from ledger.chain.rpc import RpcChain
from tests.integration.ledger.chain_world import CHAIN_ID, MemoryGround
from tests.integration.ledger.test_chain_rpc import PROFILE, SEND, Node

LOG = log_id_of("localhost:8000/log")
CLOCK = ManualClock(datetime(2026, 6, 30, tzinfo=UTC))
ROOTS = [bytes([number]) * 32 for number in range(1, 10)]


def test_an_upgrade_stands_beside_what_it_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = EmbeddedChain(tmp_path, bytes(32), clock=CLOCK)
    old = chain.deploy(LOG, TreeAlg.SM3)
    anchor(chain, 5)
    chain.close()
    monkeypatch.setitem(ARTIFACTS, REGISTRY, another_release(ARTIFACTS[REGISTRY]))
    chain = EmbeddedChain(tmp_path, bytes(32), clock=CLOCK)
    new = chain.deploy(LOG, TreeAlg.SM3)
    assert new != old
    assert [deployment.version for deployment in chain.deployments] == [1, 2]
    assert [deployment.addresses[CHECKPOINTS] for deployment in chain.deployments] == [old, new]
    assert all(deployment.complete for deployment in chain.deployments)
    assert chain.latest_anchor(LOG) == (0, NO_ROOT, 0)
    anchor(chain, 7)
    # What was written to the old contracts is read as before.
    first = chain._run(lambda: chain._desk().contracts(chain.deployments[0]).latest_anchor(LOG))
    assert first == (5, ROOTS[0], 1)
    assert chain.deploy(LOG, TreeAlg.SM3) == new
    chain.close()


def another_release(artifact: Artifact) -> Artifact:
    """Return code that names another compiler in its last bytes and is the same otherwise."""
    tail = bytes([artifact.deployed[-3] ^ 1]) + artifact.deployed[-2:]
    bytecode = artifact.bytecode[: -2 * len(tail)] + tail.hex()
    return artifact._replace(bytecode=bytecode, deployed=artifact.deployed[: -len(tail)] + tail)


def anchor(chain: EmbeddedChain, size: int) -> None:
    head = chain.latest_anchor(LOG)
    call = AnchorCall(LOG, size, ROOTS[0], head.size, head.root).call
    chain.send(chain.sign(call, nonce=chain.next_nonce()))
    assert chain.latest_anchor(LOG).size == size


def test_a_chain_from_before_deployments_were_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One contract at the deployer's first address, and writers without money: both are put right."""

    def two_accounts(store: SqliteStore, *, keys: Sequence[PrivateKey], **rest: Any) -> StoredBackend:
        return StoredBackend(store, keys=tuple(keys[:2]), **rest)

    with monkeypatch.context() as patch:
        patch.setattr(embedded_module, "StoredBackend", two_accounts)
        chain = EmbeddedChain(tmp_path, bytes(32), clock=CLOCK)

    def create() -> None:
        contracts = chain._contracts
        arguments = [[chain._admin.address], 1, 5]
        chain._deliver(contracts.sign_creation(chain._admin, "Approvals", arguments, nonce=0))

    chain._run(create)
    chain.close()
    assert not (tmp_path / "deployments.json").exists()
    chain = EmbeddedChain(tmp_path, bytes(32), clock=CLOCK)
    (before,) = chain.deployments
    assert (before.version, before.complete, list(before.addresses)) == (1, True, [CHECKPOINTS])
    chain.deploy(LOG, TreeAlg.SM3)
    assert [deployment.version for deployment in chain.deployments] == [1, 2]
    assert chain.address_of(CHECKPOINTS) != before.addresses[CHECKPOINTS]
    chain.admit_province("0000410000", ROOTS[3])
    city = (b"0000410100", b"0000410000", 3, chain.writer_of(REGISTRY), ROOTS[3], ROOTS[4], 0, 2**63)
    call = Call(REGISTRY, "addIssuer", (city,))
    chain.send(chain.sign(call, nonce=chain.next_nonce(REGISTRY)))
    assert chain.ask(REGISTRY, "issuerOf", b"0000410100")[3] == 1
    chain.close()


def test_a_file_that_tells_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "deployments.json"
    with pytest.raises(NotDeployedError):
        _ = DeploymentsFile(path).current
    path.write_text(json.dumps({"format": "xinji/deployments/9"}), "utf-8")
    with pytest.raises(ChainMismatchError):
        DeploymentsFile(path)


# A consortium's members at a node


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[MemoryGround]:
    ground = MemoryGround(tmp_path)
    yield ground
    ground.close()


@pytest.fixture
def node(ground: MemoryGround) -> Node:
    return Node(ground)


ONCE = replace(PROFILE, confirmations=1)


def member(ground: MemoryGround, node: Node, number: int) -> Consortium:
    return Consortium(node, ONCE, chain_id=CHAIN_ID, key=bytes(ground.accounts[number].key))


def panel_of(ground: MemoryGround) -> Panel:
    members = tuple(ground.accounts[number].address.lower() for number in range(3))
    return Panel(members=members, threshold=2, lifetime=5)


def test_a_consortium_deploys_decides_and_is_served(ground: MemoryGround, node: Node, tmp_path: Path) -> None:
    file = DeploymentsFile(tmp_path / "deployments.json")
    first, second = member(ground, node, 0), member(ground, node, 1)
    deployment = first.deploy(file, panel_of(ground))
    assert first.deploy(DeploymentsFile(file.path), panel_of(ground)) == DeploymentsFile(file.path).current
    assert json.loads(file.path.read_text("utf-8"))["format"] == FORMAT
    for name in CONTRACTS:
        code = bytes(ground.web3.eth.get_code(deployment.addresses[name]))  # type: ignore[arg-type]
        assert deployment.code_hashes[name] == f"0x{ground.web3.keccak(code).hex()}"

    submitter, registrar, publisher = ground.accounts[3:6]
    waiting = first.open_log(deployment, LOG, TreeAlg.SM3, submitter.address)
    assert waiting is not None
    assert first.open_log(deployment, LOG, TreeAlg.SM3, submitter.address) == waiting  # Nothing twice.
    assert second.open_log(deployment, LOG, TreeAlg.SM3, submitter.address) is None
    assert member(ground, node, 2).open_log(deployment, LOG, TreeAlg.SM3, submitter.address) is None
    province = (deployment, "0000410000", ROOTS[3], registrar.address)
    assert second.add_province(*province) is not None
    assert first.add_province(*province) is None
    assert first.add_province(*province) is None

    keys = {CHECKPOINTS: submitter, REGISTRY: registrar, STATUS: publisher}
    chain = RpcChain(
        node,
        ONCE,
        chain_id=CHAIN_ID,
        contracts=deployment.addresses,
        keys={name: bytes(account.key) for name, account in keys.items()},  # type: ignore[misc]
    )
    chain.deploy(LOG, TreeAlg.SM3)
    chain.admit_province("0000410000", ROOTS[3])
    # New keys of the province are a decision again.
    renewed = (deployment, "0000410000", ROOTS[4], registrar.address)
    assert (first.add_province(*renewed) is None, second.add_province(*renewed) is None) == (False, True)
    chain.admit_province("0000410000", ROOTS[4])


def test_a_decision_that_lapsed_is_proposed_again(ground: MemoryGround, node: Node, tmp_path: Path) -> None:
    first, second = member(ground, node, 0), member(ground, node, 1)
    deployment = first.deploy(DeploymentsFile(tmp_path / "deployments.json"), panel_of(ground))
    wanted = (deployment, LOG, TreeAlg.SM3, ground.accounts[3].address)
    lapsed = first.open_log(*wanted)
    ground.pass_blocks(6)
    again = second.open_log(*wanted)
    assert again not in (None, lapsed)
    assert first.open_log(*wanted) is None


class Breaking(Node):
    """A node whose connection goes after it took so many transactions."""

    left = 99

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.left -= method == SEND
        if self.left < 0:
            self.refuses[SEND] = "the connection is gone"
        return super().make_request(method, params)


@pytest.mark.parametrize("sent", range(4))
def test_a_deployment_that_was_cut_short_is_gone_on_with(ground: MemoryGround, tmp_path: Path, sent: int) -> None:
    path, node = tmp_path / "deployments.json", Breaking(ground)
    first = member(ground, node, 0)
    node.left = sent
    with pytest.raises((TransactionRefusedError, ChainUnavailableError)):
        first.deploy(DeploymentsFile(path), panel_of(ground))
    node.left = 99
    node.refuses.clear()
    deployment = first.deploy(DeploymentsFile(path), panel_of(ground))
    assert (deployment.version, deployment.first_nonce, deployment.complete) == (1, 0, True)
    assert ground.web3.eth.get_transaction_count(ground.accounts[0].address) == 4


def test_a_deployment_whose_nonces_went_elsewhere_begins_again(
    ground: MemoryGround, node: Node, tmp_path: Path
) -> None:
    path = tmp_path / "deployments.json"
    first = member(ground, node, 0)
    node.refuses[SEND] = "the connection is gone"
    with pytest.raises((TransactionRefusedError, ChainUnavailableError)):
        first.deploy(DeploymentsFile(path), panel_of(ground))
    node.refuses.clear()
    account = ground.accounts[0]
    transfer: Any = {"to": account.address, "value": 1, "nonce": 0, "gas": 21_000, "chainId": CHAIN_ID, **ground.fees()}
    ground.web3.eth.send_raw_transaction(account.sign_transaction(transfer).raw_transaction)
    deployment = first.deploy(DeploymentsFile(path), panel_of(ground))
    assert (deployment.version, deployment.first_nonce) == (1, 1)
    assert len(DeploymentsFile(path).all) == 1


def test_another_chain_or_a_panel_that_decides_nothing(ground: MemoryGround, node: Node, tmp_path: Path) -> None:
    with pytest.raises(ChainMismatchError):
        Consortium(node, ONCE, chain_id=1, key=bytes(ground.accounts[0].key))
    file = DeploymentsFile(tmp_path / "deployments.json")
    first = member(ground, node, 0)
    with pytest.raises(TransactionRefusedError):
        first.deploy(file, replace(panel_of(ground), threshold=1))
    first.deploy(DeploymentsFile(tmp_path / "other.json"), panel_of(ground))
    content = json.loads((tmp_path / "other.json").read_text("utf-8"))
    content["deployments"][0]["chain_id"] = 5
    (tmp_path / "other.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(ChainMismatchError):
        first.deploy(DeploymentsFile(tmp_path / "other.json"), panel_of(ground))
