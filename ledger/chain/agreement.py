"""What several nodes of one chain say together, so that none of them alone can mislead us.

A node lies, or is behind without knowing it. What decides over a signature or over finality is
therefore what at least `needed` nodes say alike. What the chain holds only grows, so that of two
such answers the later one is true and the other one old.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from ledger.chain.errors import ChainUnavailableError, NotDeployedError, TransactionRefusedError

REST_SECONDS: Final = 60
"""How long a node that gave no answer is left alone while others do."""
_N = TypeVar("_N")
_R = TypeVar("_R")


class Agreement(Generic[_N]):
    """Nodes that are all asked. Not for use by two threads at once."""

    def __init__(self, nodes: Sequence[_N], needed: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """Ask these nodes, of whom `needed` must say the same."""
        self._nodes = tuple(nodes)
        self.needed: Final = needed
        self._seconds = seconds
        self._rests_until = [float("-inf")] * len(self._nodes)

    def answers(self, ask: Callable[[_N], _R]) -> Counter[_R]:
        """Return how many nodes give which answer. Nodes at rest are asked only if the others do not agree."""
        now = self._seconds()
        awake = [place for place, until in enumerate(self._rests_until) if until <= now]
        resting = [place for place, until in enumerate(self._rests_until) if until > now]
        found = Counter(self._ask(awake, ask))
        if max(found.values(), default=0) < self.needed:
            found.update(self._ask(resting, ask))
        return found

    def latest(self, ask: Callable[[_N], _R], *, order: Callable[[_R], Any]) -> _R:
        """Return the latest answer, by `order`, that enough nodes give alike.

        Raises:
            ChainUnavailableError: There is none now.
        """
        enough = [answer for answer, count in self.answers(ask).items() if count >= self.needed]
        if not enough:
            raise ChainUnavailableError(f"no {self.needed} of {len(self._nodes)} nodes say the same")
        return max(enough, key=order)

    def _ask(self, places: Sequence[int], ask: Callable[[_N], _R]) -> list[_R]:
        found = []
        for place in places:
            try:
                found.append(ask(self._nodes[place]))
            except ChainUnavailableError:
                self._rests_until[place] = self._seconds() + REST_SECONDS
            except (TransactionRefusedError, NotDeployedError):  # It is there and says no: that is no answer to count.
                continue
        return found
