"""Several nodes of one chain as one: stay with a node as long as it answers and keeps up.

Going from node to node with each request would mix what different nodes know; a nonce of one
and a receipt of another make no sense together. So a node is left only when it fails, when it
is found to be behind, or when others contradict it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from requests.exceptions import RequestException
from web3.exceptions import Web3RPCError
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

LOOK_EVERY_SECONDS: Final = 30
REST_SECONDS: Final = 60
"""How long a node that failed is asked nothing while others answer."""
LAG: Final = 5
"""How many blocks a node may be behind another: fewer are the time a block takes to come around."""


class Nodes(BaseProvider):
    """One web3 provider over several. Not for use by two threads at once."""

    def __init__(
        self, nodes: Sequence[BaseProvider], *, chain_id: int, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with the first. A node of another chain counts as one that does not answer."""
        super().__init__()
        self._nodes = tuple(nodes)
        self._chain_id = chain_id
        self._seconds = seconds
        self._at = 0
        self._rests_until = [float("-inf")] * len(self._nodes)
        self._known: set[int] = set()
        self._look_next = seconds()

    @property
    def at(self) -> int:
        """Which node is asked now."""
        return self._at

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask the node, and the next ones where it gives no answer; an answer that is an error is an answer.

        A transaction may so reach two nodes: its bytes are the same, so nothing happens twice.
        """
        self._look()
        failure: Exception | None = None
        for _ in self._nodes:
            try:
                return self._ask(self._at, method, params)
            except (RequestException, OSError, ValueError) as error:
                failure = error
                self.move_on()
        raise OSError(f"none of {len(self._nodes)} nodes answers: {failure}") from failure

    def move_on(self) -> None:
        """Leave the node for the next one that has not failed just now, or else for the next."""
        now = self._seconds()
        self._rests_until[self._at] = now + REST_SECONDS
        after = [(self._at + step) % len(self._nodes) for step in range(1, len(self._nodes) + 1)]
        self._at = next((place for place in after if self._rests_until[place] <= now), after[0])

    def _ask(self, place: int, method: RPCEndpoint, params: Any) -> RPCResponse:
        node = self._nodes[place]
        if place not in self._known:
            answer = node.make_request(RPCEndpoint("eth_chainId"), [])
            if int(answer.get("result", "0x0"), 16) != self._chain_id:
                raise OSError("it is of another chain")
            self._known.add(place)
        return node.make_request(method, params)

    def _look(self) -> None:
        """Now and then, see whether others are ahead of our node: one that is cut off goes on answering."""
        now = self._seconds()
        if now < self._look_next:
            return
        self._look_next = now + LOOK_EVERY_SECONDS
        heights = [self._height(place) if self._rests_until[place] <= now else -1 for place in range(len(self._nodes))]
        best = heights.index(max(heights))
        if heights[best] > heights[self._at] + LAG:
            self._at = best

    def _height(self, place: int) -> int:
        try:
            return int(self._ask(place, RPCEndpoint("eth_blockNumber"), [])["result"], 16)
        except (RequestException, OSError, ValueError, KeyError, TypeError, Web3RPCError):
            self._rests_until[place] = self._seconds() + REST_SECONDS
            return -1
