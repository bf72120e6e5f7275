"""Before an endorsement: does an anchor stand for what our own copy of the log holds?

The contract cannot see whether a tree grew out of the one before. An endorser can: both roots
are computed here from the tiles of its own copy (`ledger.upkeep.mirror`), whose every leaf it
has checked itself; nothing of what the log's operator says of the two is asked.
"""

from __future__ import annotations

from ledger.errors import BehindCopyError, OtherHistoryError
from ledger.formats.merkle import TreeHead, root_from
from ledger.storage.tiles import Tiles


def check_anchor(tiles: Tiles, copied: int, *, anchored: TreeHead, before: TreeHead) -> None:
    """Return if the tree `anchored` and the tree `before` it are both the beginning of the copy's `copied` entries.

    Raises:
        BehindCopyError: The copy is smaller than the anchor.
        OtherHistoryError: One of them is of another history: the operator shows two.
        TamperedTilesError: A file of the copy is damaged.
    """
    if copied < anchored.tree_size:
        raise BehindCopyError(
            f"the copy has {copied} entries, the anchor {anchored.tree_size}: bring the copy up to date first",
            copied=copied,
            size=anchored.tree_size,
        )
    for head in (anchored, before):
        if head.tree_size and root_from(tiles.hash, tiles.nodes(copied), head.tree_size) != head.root_hash:
            raise OtherHistoryError(
                f"FORK: on the chain the first {head.tree_size} entries have another root than in this copy. "
                "Do not endorse; keep the copy, tell the witnesses and the panel",
                size=head.tree_size,
            )
