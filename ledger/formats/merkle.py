"""Merkle tree hashes and proofs, as RFC 9162 section 2.1 defines them.

Pure: bytes in, bytes out. The hash is a parameter because a log chooses SM3 or
SHA-256 once, when it is created, and every proof of that log is made with it.
"Leaves" are always leaf hashes, never entries.

Proofs are made from `Nodes`, a function that gives the hash of a perfect subtree: over
a list of leaves here, over stored tiles in `ledger.storage.tiles`. Both give the same proof.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from ledger.errors import InvalidProofError

Hash = Callable[[bytes], bytes]
Nodes = Callable[[int, int], bytes]
"""`nodes(level, index)`: the hash over leaves [index * 2**level, (index + 1) * 2**level)."""


class TreeHead(NamedTuple):
    """The size and the root that a checkpoint signs together."""

    tree_size: int
    root_hash: bytes


class InclusionProof(NamedTuple):
    """Places a leaf in a tree. The tree's size comes from the signed head, never from here."""

    leaf_index: int
    path: tuple[bytes, ...]


def leaf_hash(h: Hash, entry: bytes) -> bytes:
    """Hash one log entry. The 0x00 prefix keeps a leaf from posing as a node."""
    return h(b"\x00" + entry)


def node_hash(h: Hash, left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into their parent."""
    return h(b"\x01" + left + right)


def root(h: Hash, leaves: Sequence[bytes]) -> bytes:
    """Return the root over `leaves`; of no leaves, the hash of nothing."""
    compact = CompactRange(h)
    for leaf in leaves:
        compact.append(leaf)
    return compact.root()


class CompactRange:
    """The roots of the perfect subtrees that make up a growing tree, largest first.

    Appending a leaf costs two hashes on average, and no leaf needs to be kept.
    """

    def __init__(self, h: Hash) -> None:
        """Start with the empty tree."""
        self._h = h
        self._peaks: list[bytes] = []
        self.tree_size = 0

    def append(self, leaf: bytes) -> None:
        """Add the next leaf hash on the right."""
        node, size = leaf, self.tree_size
        while size % 2:
            node = node_hash(self._h, self._peaks.pop(), node)
            size //= 2
        self._peaks.append(node)
        self.tree_size += 1

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        return _fold(self._h, self._peaks)

    def root_before(self, rest: bytes) -> bytes:
        """Return the root with more leaves on the right, fewer than the smallest peak has, whose root is `rest`."""
        return _fold(self._h, (*self._peaks, rest))


def nodes_of(h: Hash, leaves: Sequence[bytes]) -> Nodes:
    """Give the perfect subtrees over `leaves`; each is hashed once."""

    @cache
    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(h, node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def root_from(h: Hash, nodes: Nodes, tree_size: int) -> bytes:
    """Return the root of the first `tree_size` leaves."""
    return _hash_range(h, nodes, 0, tree_size)


def prove_inclusion(h: Hash, leaves: Sequence[bytes], index: int) -> InclusionProof:
    """Prove the leaf at `index` in the tree over all of `leaves` (RFC 9162 §2.1.3.1).

    Raises:
        InvalidProofError: There is no such leaf.
    """
    return prove_inclusion_from(h, nodes_of(h, leaves), index, len(leaves))


def prove_inclusion_from(h: Hash, nodes: Nodes, index: int, tree_size: int) -> InclusionProof:
    """Prove the leaf at `index` in the tree of `tree_size`, from stored hashes.

    Raises:
        InvalidProofError: There is no such leaf.
    """
    if not 0 <= index < tree_size:
        raise InvalidProofError(f"leaf {index} is not in a tree of {tree_size}")
    path: list[bytes] = []
    begin, end = 0, tree_size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_hash_range(h, nodes, middle, end))
            end = middle
        else:
            path.append(_hash_range(h, nodes, begin, middle))
            begin = middle
    return InclusionProof(index, tuple(reversed(path)))


def prove_consistency(h: Hash, leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Prove that the tree over all of `leaves` extends its first `old_size` (RFC 9162 §2.1.4.1).

    Raises:
        InvalidProofError: The old tree is larger than the new one.
    """
    return prove_consistency_from(h, nodes_of(h, leaves), old_size, len(leaves))


def prove_consistency_from(h: Hash, nodes: Nodes, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Prove that the tree of `new_size` extends the one of `old_size`, from stored hashes.

    Empty when the sizes are equal or the old tree is empty.

    Raises:
        InvalidProofError: The old tree is larger than the new one.
    """
    if not 0 <= old_size <= new_size:
        raise InvalidProofError(f"a tree of {new_size} does not extend one of {old_size}")
    if old_size in (0, new_size):
        return ()
    path: list[bytes] = []
    begin, end = 0, new_size
    while end != old_size:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            path.append(_hash_range(h, nodes, middle, end))
            end = middle
        else:
            path.append(_hash_range(h, nodes, begin, middle))
            begin = middle
    if begin:  # Else the old tree is itself a perfect subtree, and the verifier has its root.
        path.append(_hash_range(h, nodes, begin, end))
    return tuple(reversed(path))


def verify_inclusion(h: Hash, *, leaf: bytes, proof: InclusionProof, head: TreeHead) -> None:
    """Check that `proof` places `leaf` under `head` (RFC 9162 §2.1.3.2).

    Raises:
        InvalidProofError: It does not.
    """
    if not 0 <= proof.leaf_index < head.tree_size:
        raise InvalidProofError(f"leaf {proof.leaf_index} is not in a tree of {head.tree_size}")
    node, at, last = leaf, proof.leaf_index, head.tree_size - 1
    for sibling in proof.path:
        if last == 0:
            raise InvalidProofError("the path is longer than the tree is high")
        if at % 2 or at == last:
            node = node_hash(h, sibling, node)
            while at and at % 2 == 0:  # On the right edge: skip the levels without a sibling.
                at, last = at // 2, last // 2
        else:
            node = node_hash(h, node, sibling)
        at, last = at // 2, last // 2
    if last or node != head.root_hash:
        raise InvalidProofError("the path does not lead from the leaf to the root")


def verify_consistency(h: Hash, *, old: TreeHead, new: TreeHead, path: Sequence[bytes]) -> None:
    """Check that `path` proves `new` to extend `old` (RFC 9162 §2.1.4.2).

    Every tree extends the empty one, whose root must be the hash of nothing.

    Raises:
        InvalidProofError: It does not, or the trees are of one size and differ.
    """
    if not 0 <= old.tree_size <= new.tree_size:
        raise InvalidProofError(f"a tree of {new.tree_size} does not extend one of {old.tree_size}")
    if old.tree_size in (0, new.tree_size):
        _verify_without_path(h, old=old, new=new, path=path)
        return
    at, last = old.tree_size - 1, new.tree_size - 1
    while at % 2:
        at, last = at // 2, last // 2
    # A perfect old tree starts the path itself; the proof leaves it out because the verifier has it.
    steps = iter(path if at else (old.root_hash, *path))
    old_root = new_root = next(steps, b"")
    for sibling in steps:
        if last == 0:
            raise InvalidProofError("the path is longer than the tree is high")
        if at % 2 or at == last:
            old_root = node_hash(h, sibling, old_root)
            new_root = node_hash(h, sibling, new_root)
            while at and at % 2 == 0:
                at, last = at // 2, last // 2
        else:
            new_root = node_hash(h, new_root, sibling)
        at, last = at // 2, last // 2
    if last or (old_root, new_root) != (old.root_hash, new.root_hash):
        raise InvalidProofError("the path does not lead to both roots")


def _verify_without_path(h: Hash, *, old: TreeHead, new: TreeHead, path: Sequence[bytes]) -> None:
    """Check a tree against itself, or against the empty one."""
    if path:
        raise InvalidProofError("nothing is to be proved, and there is a path")
    if old.tree_size == new.tree_size and old.root_hash != new.root_hash:
        raise InvalidProofError(f"two trees of {old.tree_size} leaves with different roots")
    if old.tree_size == 0 and old.root_hash != h(b""):
        raise InvalidProofError("the empty tree has another root")


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _hash_range(h: Hash, nodes: Nodes, begin: int, end: int) -> bytes:
    """Hash the leaves [begin, end), where `begin` is a multiple of a power of two >= end - begin."""
    peaks: list[bytes] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(nodes(level, begin >> level))
        begin += 1 << level
    return _fold(h, peaks)


def _fold(h: Hash, peaks: Sequence[bytes]) -> bytes:
    """Hash the roots of adjoining perfect subtrees, largest first, into one."""
    if not peaks:
        return h(b"")
    node = peaks[-1]
    for left in reversed(peaks[:-1]):
        node = node_hash(h, left, node)
    return node
