"""Step 6: the anchor. It must not contradict the checkpoint; only the verifier's own node can confirm it.

Pure: a node's raw answers are among the inputs (`xinji_client.node.ask` brings them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xinji_client import node
from xinji_client.encoding import from_b64
from xinji_client.errors import CheckFailed, FormatError, ProofError, UnreachableError, failing_as
from xinji_client.hashes import HASHES, Hash
from xinji_client.merkle import verify_consistency
from xinji_client.note import Checkpoint
from xinji_client.report import Step
from xinji_client.trust import Tree, Trust

MAX_PATH = 128  # RFC 9162 §2.1.4: no more than twice the height and one.
_HASH_BYTES = 32
_ALGORITHMS = {1: HASHES["sha-256"], 2: HASHES["sm3"]}

Consistency = Callable[[Hash, int, int], Sequence[bytes]]
"""`consistency(hash, old_size, new_size)`: a proof from the log's files; raises UnreachableError or FormatError."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a bundle says of its anchor."""

    mode: str
    chain_id: Any
    contract: Any
    size: int
    root: bytes
    consistency: Any


@dataclass(frozen=True, slots=True)
class NodeAnswers:
    """What the verifier's node answered, raw; and how to prove growth from the log's files, where they may be asked."""

    raw: Mapping[str, Any]
    consistency: Consistency | None = None


def claim_of(anchor: Any, head: Checkpoint | None) -> tuple[Claim, dict[str, Any]]:
    """Read the bundle's anchor, with the evidence to show of it.

    Raises:
        CheckFailed: `anchor_mismatch`: malformed, or it contradicts the checkpoint.
    """
    if not isinstance(anchor, Mapping):
        raise CheckFailed("anchor_mismatch", "the anchor must be an object")
    shown = ("mode", "chain_id", "contract", "transaction", "block_number", "size")
    evidence = {name: anchor[name] for name in shown if isinstance(anchor.get(name), str | int)}
    mode, size = anchor.get("mode"), anchor.get("size")
    with failing_as("anchor_mismatch", **evidence):
        root = from_b64(anchor.get("root"))
    if not isinstance(mode, str) or not isinstance(size, int) or isinstance(size, bool) or len(root) != _HASH_BYTES:
        raise CheckFailed("anchor_mismatch", "mode, size or root is not in its form", **evidence)
    if head and (size < head.size or (size == head.size and root != head.root)):
        raise CheckFailed("anchor_mismatch", "the chain holds another tree than the checkpoint", **evidence)
    claim = Claim(mode, anchor.get("chain_id"), anchor.get("contract"), size, root, anchor.get("consistency"))
    return claim, evidence


def named_chain(trust: Trust, claim: Claim | None) -> node.ChainEntry | None:
    """Return the chain of the trust file that a node is asked about: the claimed one, else the first with consensus."""
    entries = [entry for entry in map(node.chain_entry, trust.chains) if entry is not None]
    if claim is None:
        return next((entry for entry in entries if not entry.is_embedded), None)
    wanted = (claim.chain_id, claim.contract.lower() if isinstance(claim.contract, str) else None)
    return next((entry for entry in entries if (entry.chain_id, entry.contract) == wanted), None)


def check(
    anchor: Any, head: Checkpoint | None, tree: Tree | None, trust: Trust | None, answers: NodeAnswers | None
) -> Step:
    """Judge the bundle's anchor, and what the verifier's node says of it.

    Raises:
        CheckFailed: With the code of what did not hold or could not be asked.
    """
    # 6a. What the bundle says must not contradict its own checkpoint; without a node it proves no more.
    claim, evidence = (None, {}) if anchor is None else claim_of(anchor, head)
    chain = named_chain(trust, claim) if trust and answers else None
    if claim is None and chain is None:
        raise CheckFailed("anchor_absent")
    if chain.is_embedded if chain else claim is not None and claim.mode == "embedded":
        raise CheckFailed("anchor_embedded", **evidence)
    if answers is None or head is None or tree is None:
        raise CheckFailed("anchor_not_checked", **evidence)
    if chain is None:
        raise CheckFailed("anchor_unknown_chain" if trust else "anchor_not_checked", **evidence)

    # 6b. The node is on that chain, and the contract stands there.
    evidence |= {"chain_id": chain.chain_id, "contract": chain.contract}
    latest, held = _read(answers.raw, chain, evidence)

    # 6c. It holds this log's anchor, with this root and no other.
    size = _held(claim, latest, held, answers.raw, head=head, evidence=evidence)
    evidence |= {"size": size, "block_number": held.block_number, "endorsements": held.endorsements}
    roots = {held.root, *([claim.root] if claim else []), *([head.root] if size == head.size else [])}
    if len(roots) > 1 or _ALGORITHMS.get(latest.alg) is not tree.hash:
        raise CheckFailed("anchor_node_contradicts", **evidence)

    # 6d. The anchored tree is the checkpoint's, or grew out of it.
    if size > head.size:
        _check_growth(claim, answers, tree, size=size, root=held.root, evidence=evidence)
    return Step("anchor_ok", evidence)


def _read(
    raw: Mapping[str, Any], chain: node.ChainEntry, evidence: dict[str, Any]
) -> tuple[node.Latest, node.Anchored]:
    """Read the node's answers, in the order in which they were asked: what fails first is told."""
    if raw.get("error") == "unreachable":
        raise CheckFailed("anchor_node_unreachable", str(raw.get("detail", "")), **evidence)
    with failing_as("anchor_node_malformed", **evidence):
        if raw.get("error") and "chain_id" not in raw:
            raise FormatError(str(raw.get("detail", "")))
        found = node.chain_id(raw.get("chain_id"))
        if found != chain.chain_id:
            raise CheckFailed("anchor_node_other_chain", **evidence | {"node_chain_id": found})
        if "code" in raw and not node.has_code(raw["code"]):
            raise CheckFailed("anchor_node_no_contract", **evidence)
        if raw.get("error"):
            raise FormatError(str(raw.get("detail", "")))
        return node.latest(raw.get("latest")), node.anchored(raw.get("anchor"))


def _held(
    claim: Claim | None,
    latest: node.Latest,
    held: node.Anchored,
    raw: Mapping[str, Any],
    *,
    head: Checkpoint,
    evidence: dict[str, Any],
) -> int:
    """Return the size that the node holds an anchor of."""
    size = latest.size if claim is None else claim.size
    if raw.get("size") != size:
        raise CheckFailed("anchor_node_malformed", "the node was asked about another size", **evidence)
    if latest.size < max(size, head.size):
        raise CheckFailed("anchor_node_behind", **evidence, node_size=latest.size)
    if not any(held.root):
        if latest.size == size:
            raise CheckFailed("anchor_node_malformed", "the latest anchor is not there", **evidence)
        raise CheckFailed("anchor_not_found", **evidence, node_size=latest.size)
    if held.previous_size >= size or (latest.size == size and latest.root != held.root):
        raise CheckFailed("anchor_node_malformed", "the node contradicts itself", **evidence)
    return size


def _check_growth(
    claim: Claim | None, answers: NodeAnswers, tree: Tree, *, size: int, root: bytes, evidence: dict[str, Any]
) -> None:
    head = tree.checkpoint

    def verify(path: Sequence[bytes]) -> None:
        verify_consistency(tree.hash, path, old_size=head.size, old_root=head.root, new_size=size, new_root=root)

    if claim is not None and claim.consistency is not None:
        with failing_as("anchor_not_consistent", **evidence):
            verify(_path(claim.consistency))
        return
    if answers.consistency is None:
        raise CheckFailed("anchor_no_consistency", **evidence)
    try:
        verify(answers.consistency(tree.hash, head.size, size))
    except (UnreachableError, FormatError, ProofError) as error:
        raise CheckFailed("anchor_no_consistency", str(error), **evidence) from error


def _path(part: Any) -> list[bytes]:
    if not isinstance(part, list) or len(part) > MAX_PATH:
        raise FormatError(f"a consistency proof is a list of at most {MAX_PATH} hashes")
    path = [from_b64(item) for item in part]
    if any(len(hash_) != _HASH_BYTES for hash_ in path):
        raise FormatError("a hash of a proof has 32 bytes")
    return path
