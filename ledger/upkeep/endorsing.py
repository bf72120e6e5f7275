"""Before an endorsement: does an anchor stand for what our own copy of the log holds?

The contract cannot see whether a tree grew out of the one before. An endorser can: both roots
are computed here from the tiles of its own copy (`ledger.upkeep.mirror`), whose every leaf it
has checked itself; nothing of what the log's operator says of the two is asked.
"""

from __future__ import annotations

from ledger.errors import BehindCopyError, OtherHistoryError, TamperedTilesError
from ledger.formats.merkle import TreeHead, root_from
from ledger.storage.tiles import Tiles


def check_anchor(tiles: Tiles, copied: TreeHead, *, anchored: TreeHead, before: TreeHead) -> None:
    """Return if the tree `anchored` and the tree `before` it are both the beginning of a copy whose head is `copied`.

    Raises:
        BehindCopyError: The copy is smaller than the anchor.
        OtherHistoryError: One of them is of another history: the operator shows two.
        TamperedTilesError: A file of the copy is damaged.
    """
    if copied.tree_size < anchored.tree_size:
        raise BehindCopyError(
            f"the copy has {copied.tree_size} entries, the anchor {anchored.tree_size}: bring it up to date first",
            copied=copied.tree_size,
            size=anchored.tree_size,
        )
    nodes = tiles.nodes(copied.tree_size)
    if root_from(tiles.hash, nodes, copied.tree_size) != copied.root_hash:  # Or damage would look like a fork.
        raise TamperedTilesError("the copy's tiles do not lead to its own checkpoint: make a new copy")
    for head in (anchored, before):
        if head.tree_size and root_from(tiles.hash, nodes, head.tree_size) != head.root_hash:
            raise OtherHistoryError(
                f"FORK: on the chain the first {head.tree_size} entries have another root than in this copy. "
                "Do not endorse; keep the copy, tell the witnesses and the panel",
                size=head.tree_size,
            )
