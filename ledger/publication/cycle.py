"""From the queue to a published checkpoint: the log's worker, one turn."""

from __future__ import annotations

from ledger.log import LogServices
from ledger.publication import integration, publishing, sequencer, sharding


def run_once(log: LogServices) -> int:
    """Sequence, integrate and publish what there is, in each shard at work; return how much was done.

    `log` is the first log. Each step can also run as a worker of its own.
    """
    return sum(_turn(shard) for shard in sharding.at_work(log))


def _turn(log: LogServices) -> int:
    return sequencer.run_once(log) + integration.run_once(log) + publishing.run_once(log)
