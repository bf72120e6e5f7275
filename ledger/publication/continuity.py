"""Refuse to go on from an older state than the one that was published.

A database or a folder restored from a backup would give indices a second time, and so fork
the log. What has been published cannot be taken back; the way on is to bring the newer
database or folder, or to found a new log.
"""

from __future__ import annotations

from ledger import store
from ledger.errors import LogRolledBackError, OtherLogError
from ledger.formats.checkpoint import parse_checkpoint
from ledger.formats.merkle import TreeHead
from ledger.formats.note import parse_note
from ledger.log import LogServices
from ledger.store import Head


def current_head(log: LogServices) -> Head:
    """Return how far the log is, after making sure that it is not behind its published checkpoint.

    Raises:
        LogRolledBackError: The folder holds a checkpoint that this database did not publish.
        OtherLogError: The database or the folder holds another log.
    """
    # The file is read first: it is written after the database knows, so it can only be behind.
    text = log.tiles.read_checkpoint()
    with log.database.read() as session:
        head = store.head(session, origin=log.origin, hash_name=log.tiles.hash_name, shard=log.shard)
        published = None if text is None else _published(log, text)
        stored = None if published is None else store.checkpoint(session, published.tree_size, shard=log.shard)
    if published is not None and (
        head is None
        or published.tree_size > head.published_size
        or stored is None
        or stored.state != store.PUBLISHED
        or stored.root_hash != published.root_hash
    ):
        raise LogRolledBackError(
            f"a checkpoint of {published.tree_size} entries is published, and the database does not hold it: "
            "it is older than the log, or of another. Nothing is signed, so that the log does not fork. Bring back the "
            "database as it was last (replica, write-ahead log); if it is lost, keep this log's files as they are and "
            "found a new log",
            published=published.tree_size,
            known=0 if head is None else head.published_size,
        )
    return head or Head(0, TreeHead(0, log.tiles.hash(b"")), 0)


def _published(log: LogServices, text: str) -> TreeHead:
    checkpoint = parse_checkpoint(parse_note(text).text)
    if checkpoint.origin != log.origin:
        raise OtherLogError(
            f"the published checkpoint is of the log {checkpoint.origin}, not {log.origin}",
            found=checkpoint.origin,
            expected=log.origin,
        )
    return checkpoint.head
