"""Put sequenced entries into the tree: tiles on the disk first, then the head.

Idempotent: ended anywhere, the next run writes the same bytes again and finds them there.
"""

from __future__ import annotations

from typing import Final

from ledger import store
from ledger.errors import LogRolledBackError, TamperedTilesError
from ledger.log import LogServices
from ledger.publication.continuity import current_head

LIMIT: Final = 16_384
"""Entries a run: bounds memory, and how long a published checkpoint waits in a flood."""


def run_once(log: LogServices, *, limit: int = LIMIT) -> int:
    """Integrate up to `limit` entries; return how many.

    Raises:
        LogRolledBackError: The database is older than the published log, or lacks entries.
        TamperedTilesError: The tiles do not lead to the root that was integrated last, or
            hold other entries than the database.
    """
    head = current_head(log)
    old = head.integrated
    end = min(head.sequenced_size, old.tree_size + limit)
    if end == old.tree_size:
        return 0
    if log.tiles.head(old.tree_size) != old:
        raise TamperedTilesError(f"the tiles do not lead to the root of {old.tree_size} entries")
    with log.database.read() as session:
        entries = store.entries(session, old.tree_size, end, shard=log.shard)
    if len(entries) != end - old.tree_size:
        raise LogRolledBackError("the database lacks entries that have an index")
    new = log.tiles.extend(old.tree_size, entries)
    with log.database.write() as session:
        moved = store.move_integrated(session, old.tree_size, new, shard=log.shard)
    return len(entries) if moved else 0
