"""RFC 9162 section 2.1: published roots, every claim about small trees, random large ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hashes import sha256, sm3
from ledger.errors import InvalidProofError
from ledger.formats.merkle import (
    CompactRange,
    InclusionProof,
    TreeHead,
    leaf_hash,
    nodes_of,
    prove_consistency,
    prove_consistency_from,
    prove_inclusion,
    prove_inclusion_from,
    root,
    root_from,
    verify_consistency,
    verify_inclusion,
)

# The reference tree of github.com/google/certificate-transparency (merkletree/merkle_tree_test),
# also testdata of github.com/transparency-dev/merkle: SHA-256 roots of its first 0 to 8 entries.
REFERENCE = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SMALL = 20
GARBAGE = sm3(b"garbage")

LEAVES = [leaf_hash(sm3, bytes([at])) for at in range(SMALL + 1)]
HEADS = [TreeHead(size, root(sm3, LEAVES[:size])) for size in range(SMALL + 1)]

sizes = st.integers(1, 600)


def entries(size: int) -> list[bytes]:
    return [leaf_hash(sm3, at.to_bytes(4, "big")) for at in range(size)]


def rfc_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162 §2.1.1 writes it down, to compare with."""
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sm3(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:]))


def includes(leaf: bytes, proof: InclusionProof, head: TreeHead) -> bool:
    try:
        verify_inclusion(sm3, leaf=leaf, proof=proof, head=head)
    except InvalidProofError:
        return False
    return True


def extends(old: TreeHead, new: TreeHead, path: tuple[bytes, ...]) -> bool:
    try:
        verify_consistency(sm3, old=old, new=new, path=path)
    except InvalidProofError:
        return False
    return True


def mangled(path: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    """Every way to add, drop, swap or change one hash."""
    for at in range(len(path) + 1):
        for extra in (GARBAGE, *path[:1], LEAVES[0]):
            yield (*path[:at], extra, *path[at:])
    for at in range(len(path)):
        yield path[:at] + path[at + 1 :]
        yield (*path[:at], bytes([path[at][0] ^ 1]) + path[at][1:], *path[at + 1 :])
        if at and path[at] != path[at - 1]:
            yield (*path[: at - 1], path[at], path[at - 1], *path[at + 1 :])


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    leaves = [leaf_hash(sha256, entry) for entry in REFERENCE[:size]]
    assert root(sha256, leaves).hex() == REFERENCE_ROOTS[size]


def test_a_published_inclusion_proof() -> None:
    # transparency-dev/merkle, testdata/inclusion/2/happy-path.json: leaf 5 of 8.
    leaves = [leaf_hash(sha256, entry) for entry in REFERENCE]
    proof = prove_inclusion(sha256, leaves, 5)
    assert [node.hex() for node in proof.path] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", range(SMALL + 1))
def test_the_root_is_the_rfc_s(size: int) -> None:
    assert root(sm3, LEAVES[:size]) == rfc_root(LEAVES[:size])
    assert root_from(sm3, nodes_of(sm3, LEAVES), size) == rfc_root(LEAVES[:size])


def test_every_leaf_is_proved_and_every_other_claim_about_it_refused() -> None:
    """All indices and all signed heads up to `SMALL` against each honest path."""
    for size in range(1, SMALL + 1):
        for index in range(size):
            path = prove_inclusion(sm3, LEAVES[:size], index).path
            for claimed, head in product(range(-1, SMALL + 1), HEADS):
                accepted = includes(LEAVES[index], InclusionProof(claimed, path), head)
                assert accepted == ((claimed, head.tree_size) == (index, size))


def test_no_other_leaf_or_path_passes_under_an_honest_head() -> None:
    for size in range(1, SMALL + 1):
        for index in range(size):
            proof = prove_inclusion(sm3, LEAVES[:size], index)
            for other in range(size):
                assert includes(LEAVES[other], proof, HEADS[size]) == (other == index)
            for path in mangled(proof.path):
                assert not includes(LEAVES[index], InclusionProof(index, path), HEADS[size])


def test_a_node_does_not_pass_as_a_leaf() -> None:
    proof = prove_inclusion(sm3, LEAVES[:4], 0)
    parent = sm3(b"\x01" + LEAVES[0] + LEAVES[1])
    assert not includes(parent, InclusionProof(0, proof.path[1:]), HEADS[4])
    assert leaf_hash(sm3, LEAVES[0] + LEAVES[1]) != parent


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_leaf_that_is_not_there_cannot_be_proved(index: int) -> None:
    with pytest.raises(InvalidProofError):
        prove_inclusion(sm3, LEAVES[:3], index)


def test_every_growth_is_proved_and_every_other_claim_about_it_refused() -> None:
    for old, new in product(range(SMALL + 1), repeat=2):
        if old > new:
            with pytest.raises(InvalidProofError):
                prove_consistency(sm3, LEAVES[:new], old)
            continue
        path = prove_consistency(sm3, LEAVES[:new], old)
        assert extends(HEADS[old], HEADS[new], path)
        for other, against in product(range(SMALL + 1), repeat=2):
            if extends(HEADS[other], HEADS[against], path):
                # Only a path of no hashes serves two claims: the empty tree, and a tree and itself.
                assert (other, against) == (old, new) or (not path and other in (0, against))
        for forged in mangled(path):
            assert not extends(HEADS[old], HEADS[new], forged)


def test_a_fork_has_no_consistency_proof() -> None:
    """No honest path of any tree leads from a tree to one with another history."""
    forked = [*LEAVES[:5], GARBAGE, *LEAVES[6:]]
    for old, new in product(range(6, SMALL + 1), repeat=2):
        if old > new:
            continue
        fork = TreeHead(new, root(sm3, forked[:new]))
        for path in (prove_consistency(sm3, LEAVES[:new], old), prove_consistency(sm3, forked[:new], old)):
            assert not extends(HEADS[old], fork, path)
            for bent in mangled(path):
                assert not extends(HEADS[old], fork, bent)


def test_the_empty_tree_has_one_root_only() -> None:
    assert extends(TreeHead(0, sm3(b"")), HEADS[3], ())
    assert not extends(TreeHead(0, GARBAGE), HEADS[3], ())
    assert not extends(TreeHead(0, GARBAGE), TreeHead(0, GARBAGE), ())
    assert not extends(TreeHead(-1, GARBAGE), HEADS[3], ())
    assert not extends(TreeHead(0, sm3(b"")), HEADS[3], (GARBAGE,))


@given(size=sizes, data=st.data())
def test_a_proof_fits_its_own_leaf_and_place_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    head = TreeHead(size, root(sm3, leaves))
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(sm3, leaves, index)
    verify_inclusion(sm3, leaf=leaves[index], proof=proof, head=head)

    other = data.draw(st.integers(-1, size).filter(lambda i: i != index))
    for forged in (
        proof._replace(leaf_index=other),
        proof._replace(path=(*proof.path, sm3(b"extra"))),
        InclusionProof(index, proof.path[:-1] if proof.path else (sm3(b""),)),
    ):
        assert not includes(leaves[index], forged, head)


@given(size=sizes, data=st.data())
def test_growth_is_consistent(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    old = data.draw(st.integers(0, size))
    heads = TreeHead(old, root(sm3, leaves[:old])), TreeHead(size, root(sm3, leaves))
    path = prove_consistency(sm3, leaves, old)
    assert extends(*heads, path)
    if 0 < old < size:
        assert not extends(heads[0]._replace(root_hash=GARBAGE), heads[1], path)
        assert not extends(heads[0], heads[1]._replace(root_hash=GARBAGE), path)


@given(size=sizes, data=st.data())
def test_a_larger_tree_s_nodes_prove_the_smaller_tree_too(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    nodes = nodes_of(sm3, leaves)
    then = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, then - 1))
    old = data.draw(st.integers(0, then))
    assert root_from(sm3, nodes, then) == root(sm3, leaves[:then])
    assert prove_inclusion_from(sm3, nodes, index, then) == prove_inclusion(sm3, leaves[:then], index)
    assert prove_consistency_from(sm3, nodes, old, then) == prove_consistency(sm3, leaves[:then], old)


def test_a_compact_range_grows_with_about_two_hashes_a_leaf() -> None:
    count = 0

    def counting(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return sm3(data)

    compact = CompactRange(counting)
    for leaf in entries(512):
        compact.append(leaf)
    assert compact.tree_size == 512
    assert count == 511
    assert compact.root() == rfc_root(entries(512))
