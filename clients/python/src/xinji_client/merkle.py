"""Inclusion and consistency proofs (RFC 9162 §2.1), for the hash that a log chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def verify_consistency(
    h: Hash, path: Sequence[bytes], *, old_size: int, old_root: bytes, new_size: int, new_root: bytes
) -> None:
    """Check that the tree of `new_size` extends the one of `old_size`.

    RFC 9162 §2.1.4, by its recursive definition: going down, the proof says how much of each
    subtree is old; coming back up, both roots are hashed from the same nodes. Sizes and roots
    come from signed heads or from a chain, never from the proof.

    Raises:
        ProofError: It does not, or there is no old tree to extend.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"a tree of {new_size} does not extend one of {old_size}")
    rest = iter(path)

    def take() -> bytes:
        node = next(rest, None)
        if node is None:
            raise ProofError("the consistency proof is too short")
        return node

    def roots(old: int, new: int, *, known: bool) -> tuple[bytes, bytes]:
        if old == new:  # A perfect old tree is not in the proof: whoever checks has its root.
            node = old_root if known else take()
            return node, node
        split = _split(new)
        if old <= split:
            before, after = roots(old, split, known=known)
            return before, h(b"\x01" + after + take())
        before, after = roots(old - split, new - split, known=False)
        left = take()
        return h(b"\x01" + left + before), h(b"\x01" + left + after)

    found = roots(old_size, new_size, known=True)
    if next(rest, None) is not None:
        raise ProofError("the consistency proof is too long")
    if found != (old_root, new_root):
        raise ProofError("the consistency proof does not lead to both roots")


def prove_consistency(nodes: Callable[[int, int], bytes], *, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Return the proof that `verify_consistency` checks; `nodes(begin, end)` is the root over those leaves."""

    def subproof(old: int, begin: int, end: int, *, known: bool) -> list[bytes]:
        if old == end:
            return [] if known else [nodes(begin, end)]
        middle = begin + _split(end - begin)
        if old <= middle:
            return [*subproof(old, begin, middle, known=known), nodes(middle, end)]
        return [*subproof(old, middle, end, known=False), nodes(begin, middle)]

    return tuple(subproof(old_size, 0, new_size, known=True))


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1
