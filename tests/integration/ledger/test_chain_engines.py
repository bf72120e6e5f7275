"""The suite of engines on the embedded chain, and by RPC on a chain in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from ledger.chain.base import CHECKPOINTS, REGISTRY, Chain, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.keys import WRITERS
from ledger.chain.rpc import RpcChain, honest_label
from tests.integration.ledger.chain_world import CHAIN_ID, MemoryGround
from tests.integration.ledger.engine_suite import Engine, EngineSuite, ThreadedEngineSuite
from tests.integration.ledger.test_chain_rpc import Node
from tests.integration.ledger.test_deployments import ONCE


@dataclass
class Embedded:
    chain: EmbeddedChain
    expected_mode: str = "embedded"

    def open_log(self, origin: str) -> None:
        self.chain.deploy(log_id_of(origin), TreeAlg.SM3)

    def add_province(self, code: str, key_digest: bytes) -> None:
        """Leave it to the engine, which is the panel."""


@dataclass
class ByRpc:
    """One member decides alone for all that the suite asks for."""

    chain: Chain
    member: Consortium
    deployment: Deployment
    expected_mode: str = "rpc"

    def open_log(self, origin: str) -> None:
        submitter = self.chain.writer_of(CHECKPOINTS)
        assert self.member.open_log(self.deployment, log_id_of(origin), TreeAlg.SM3, submitter) is None

    def add_province(self, code: str, key_digest: bytes) -> None:
        assert self.member.add_province(self.deployment, code, key_digest, self.chain.writer_of(REGISTRY)) is None


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    clock = ManualClock(datetime(2026, 6, 30, tzinfo=UTC))
    chain = EmbeddedChain(tmp_path_factory.mktemp("embedded"), bytes(32), clock=clock)
    yield Embedded(chain)
    chain.close()


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByRpc]:
    folder: Path = tmp_path_factory.mktemp("rpc")
    ground = MemoryGround(folder)
    node = Node(ground)
    member = Consortium(node, ONCE, chain_id=CHAIN_ID, key=bytes(ground.accounts[0].key))
    panel = Panel(members=(ground.accounts[0].address,))
    deployment = member.deploy(DeploymentsFile(folder / "deployments.json"), panel)
    writers = {name: bytes(account.key) for name, account in zip(WRITERS, ground.accounts[3:], strict=False)}
    label = honest_label(ONCE, validators=None, operators=None)
    chain = RpcChain(node, ONCE, chain_id=CHAIN_ID, contracts=deployment.addresses, keys=writers, label=label)
    yield ByRpc(chain, member, deployment)
    ground.close()


class TestEmbedded(ThreadedEngineSuite):
    @pytest.fixture
    def engine(self, embedded: Embedded) -> Engine:
        return embedded


class TestRpcInMemory(EngineSuite):
    @pytest.fixture
    def engine(self, in_memory: ByRpc) -> Engine:
        return in_memory
