"""One network of four validators for a whole run, with our contracts on it. Tests open logs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from web3.providers import BaseProvider

from ledger.chain.base import CHECKPOINTS, REGISTRY, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.devnet.network import Network
from ledger.chain.keys import WRITERS, address_of
from ledger.chain.rpc import PROFILES, RpcChain, honest_label, http_provider

PROFILE = PROFILES["cosmos-evm"]
MEMBER = bytes([0] * 31 + [1])
KEYS = {name: bytes([0] * 31 + [2 + place]) for place, name in enumerate(WRITERS)}
SECONDS = 5.0


@dataclass
class Consensus:
    """The network, and one member that decides alone for all that tests ask for."""

    network: Network
    member: Consortium
    deployment: Deployment

    def chain(self, nodes: Sequence[BaseProvider] | None = None, *, agree: int | None = None) -> RpcChain:
        """Return a chain behind these nodes, else behind all validators."""
        found = [http_provider(url, seconds=SECONDS) for url in self.network.urls] if nodes is None else nodes
        validators = self.network.validators[0].validators()
        return RpcChain(
            found,
            PROFILE,
            chain_id=self.network.chain_id,
            contracts=self.deployment.addresses,
            keys=KEYS,
            agree=min(2, len(found)) if agree is None else agree,
            label=honest_label(PROFILE, validators=validators, operators=1),
        )

    def open_log(self, origin: str) -> None:
        submitter = address_of(KEYS[CHECKPOINTS])
        assert self.member.open_log(self.deployment, log_id_of(origin), TreeAlg.SM3, submitter) is None

    def add_province(self, code: str, key_digest: bytes) -> None:
        assert self.member.add_province(self.deployment, code, key_digest, address_of(KEYS[REGISTRY])) is None


def start_consensus(folder: Path) -> Consensus:
    """Start four validators and deploy our contracts."""
    network = Network(folder / "network", funded=[address_of(key) for key in (MEMBER, *KEYS.values())])
    try:
        network.start()
        member = Consortium(network.urls[0], PROFILE, chain_id=network.chain_id, key=MEMBER)
        panel = Panel(members=(address_of(MEMBER),))
        return Consensus(network, member, member.deploy(DeploymentsFile(folder / "deployments.json"), panel))
    except BaseException:
        network.kill()
        raise


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consensus]:
    consensus = start_consensus(tmp_path_factory.mktemp("bft"))
    yield consensus
    consensus.network.kill()


@pytest.fixture
def consensus(running: Consensus) -> Iterator[Consensus]:
    """Give the network with all validators at work, whatever the test before did to them."""
    yield replace(running)
    network = running.network
    dead = [validator for validator in network.validators if not validator.alive]
    for validator in dead:
        network.restart(validator)
    if dead:
        network.wait_for_blocks(network.validators)
