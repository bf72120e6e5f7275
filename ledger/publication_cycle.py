"""From the queue to a published checkpoint: the log's worker, one turn."""

from __future__ import annotations

from ledger import integration, publishing, sequencer
from ledger.log import LogServices


def run_once(log: LogServices) -> int:
    """Sequence, integrate and publish what there is; return how much was done.

    Each step can also run as a worker of its own.
    """
    return sequencer.run_once(log) + integration.run_once(log) + publishing.run_once(log)
