"""The suite of engines on the network of four validators."""

from __future__ import annotations

import pytest

from ledger.chain.base import Chain
from tests.bft.conftest import Consensus
from tests.integration.ledger.engine_suite import Engine, ThreadedEngineSuite


class OnTheNetwork:
    """The network as the suite wants it."""

    expected_mode = "rpc"

    def __init__(self, consensus: Consensus) -> None:
        self.chain: Chain = consensus.chain()
        self.open_log = consensus.open_log
        self.add_province = consensus.add_province


@pytest.mark.bft
class TestBftNetwork(ThreadedEngineSuite):
    @pytest.fixture
    def engine(self, consensus: Consensus) -> Engine:
        return OnTheNetwork(consensus)
