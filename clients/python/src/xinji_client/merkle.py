"""Merkle leaf hashes and inclusion proofs (RFC 9162 §2.1), for the hash that a log chose."""

from __future__ import annotations

from collections.abc import Sequence

from xinji_client.errors import ProofError
from xinji_client.hashes import Hash


def verify_inclusion(h: Hash, entry: bytes, *, index: int, path: Sequence[bytes], size: int, root: bytes) -> None:
    """Check that `path` places `entry` at `index` of the tree of `size` leaves under `root`.

    `size` and `root` come from a signed checkpoint, never from the proof. The walk is
    RFC 9162 §2.1.3.2, told from the other end: at each level the right edge of the tree
    says whether the node has a sibling, and on which side.

    Raises:
        ProofError: The path is too long, too short, or leads to another root.
    """
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    node, siblings = h(b"\x00" + entry), iter(path)
    edge = size - 1
    while edge:
        if index % 2 == 1 or index < edge:
            sibling = next(siblings, None)
            if sibling is None:
                raise ProofError("the path is shorter than the tree is high")
            node = h(b"\x01" + sibling + node) if index % 2 == 1 else h(b"\x01" + node + sibling)
        index, edge = index // 2, edge // 2
    if next(siblings, None) is not None:
        raise ProofError("the path is longer than the tree is high")
    if node != root:
        raise ProofError("the path does not lead to the root of the checkpoint")
