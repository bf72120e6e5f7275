"""What a verifier's own chain node may answer about a bundle's anchor, and what verifiers must make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.making.keys import b64, sha256
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.tree import Tree
from tests.vectors.making.world import Change, trust_payload, unchanged

CHAIN_ID, CONTRACT = 1776, "0x" + "5A" * 20
SHA256, SM3 = 1, 2
SIZE, LARGER = 21, 40
OTHER_ROOT = sha256(b"other root")


def word(value: int | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value:064x}"


def words(*values: int | bytes) -> str:
    return "0x" + "".join(map(word, values))


def anchors(root: bytes, *, previous: int = 13, endorsements: int = 2) -> str:
    return words(root, previous, 7, 1_782_800_000, endorsements)


def latest(size: int, root: bytes, *, alg: int = SM3) -> str:
    return words(alg, size, root, 3)


@dataclass
class AnchorCase:
    """One file: the node's raw answers for the tree as it was at `size`, changed by `answers`."""

    about: str
    code: str
    answers: Callable[[dict[str, Any], dict[int, bytes]], Any] = lambda _answers, _roots: None
    size: int = SIZE
    bundle: Change = unchanged
    consistency: Callable[[list[str]], Any] | None = None
    trust: Change = unchanged
    recipe: Recipe = field(default_factory=Recipe)
    claimed: bool = True
    verdict: str = "valid"
    files: bool = False

    def make(self) -> dict[str, Any]:
        """Return bundle, trust payload, the node's answers, and what the log's files prove."""
        trees: list[Tree] = []
        recipe = self.recipe
        recipe.watch = trees.append
        bundle = recipe.make()
        (tree,) = trees
        tree.fill(LARGER)
        roots = {size: tree.root(0, size) for size in range(1, LARGER + 1)}
        proof = [b64(node) for node in tree.consistency(SIZE, self.size)]
        bundle["anchor"] = None
        if self.claimed:
            bundle["anchor"] = {
                "mode": "rpc",
                "chain_id": CHAIN_ID,
                "contract": CONTRACT,
                "transaction": "0x" + "ab" * 32,
                "block_number": 7,
                "block_hash": "0x" + "cd" * 32,
                "size": self.size,
                "root": b64(roots[self.size]),
            }
        if self.consistency is not None:
            bundle["anchor"]["consistency"] = self.consistency(proof)
        self.bundle(bundle)
        answers: dict[str, Any] = {
            "size": self.size,
            "chain_id": hex(CHAIN_ID),
            "code": "0x6080",
            "anchor": anchors(roots[self.size]),
            "latest": latest(self.size, roots[self.size]),
        }
        self.answers(answers, roots)
        payload = trust_payload()
        payload["chains"].append(
            {"id": "province", "mode": "rpc", "chain_id": CHAIN_ID, "contract": CONTRACT.lower(), "endorsers": []}
        )
        self.trust(payload)
        return {"bundle": bundle, "trust": payload, "node": answers, "consistency": proof if self.files else None}


def says(**changed: Any) -> Callable[[dict[str, Any], dict[int, bytes]], Any]:
    return lambda answers, _roots: answers.update(changed)


def fails(error: str, *kept: str) -> Callable[[dict[str, Any], dict[int, bytes]], Any]:
    """The node stops answering after what was `kept`."""

    def change(answers: dict[str, Any], _roots: dict[int, bytes]) -> None:
        for name in {"chain_id", "code", "anchor", "latest"} - set(kept):
            del answers[name]
        answers["error"] = error

    return change


def _flip(proof: list[str]) -> list[str]:
    return [b64(OTHER_ROOT), *proof[1:]]


ANCHOR_CASES = {
    "confirmed": AnchorCase("The node holds the checkpoint's own tree.", "anchor_ok"),
    "confirmed_since_then_larger": AnchorCase(
        "The log was anchored again since then.",
        "anchor_ok",
        lambda a, roots: a.update(latest=latest(LARGER, roots[LARGER])),
    ),
    "confirmed_larger_tree": AnchorCase(
        "A larger tree is anchored, and the bundle proves that it extends the checkpoint's.",
        "anchor_ok",
        size=34,
        consistency=list,
    ),
    "confirmed_from_the_log_s_files": AnchorCase(
        "A larger tree is anchored; the proof was made from the log's files.", "anchor_ok", size=34, files=True
    ),
    "no_claim_latest_is_ours": AnchorCase(
        "The bundle names no anchor; the latest one on the chain is the checkpoint's tree.", "anchor_ok", claimed=False
    ),
    "no_claim_latest_is_larger": AnchorCase(
        "The bundle names no anchor; the latest one is larger, and the log's files prove its growth.",
        "anchor_ok",
        size=LARGER,
        claimed=False,
        files=True,
    ),
    "no_claim_node_is_behind": AnchorCase(
        "The bundle names no anchor, and the chain's latest one is smaller than the checkpoint.",
        "anchor_node_behind",
        lambda a, roots: a.update(size=13, anchor=anchors(roots[13], previous=0), latest=latest(13, roots[13])),
        claimed=False,
    ),
    "no_claim_no_chain": AnchorCase(
        "The bundle names no anchor, and the trust file no chain but an embedded one.",
        "anchor_absent",
        claimed=False,
        trust=lambda p: p["chains"].pop(),
    ),
    "unreachable": AnchorCase("The node does not answer.", "anchor_node_unreachable", fails("unreachable")),
    "unreachable_half_way": AnchorCase(
        "The node stops answering.", "anchor_node_unreachable", fails("unreachable", "chain_id", "code")
    ),
    "refuses": AnchorCase("The node answers with an error.", "anchor_node_malformed", fails("malformed")),
    "other_chain": AnchorCase("The node is on another chain.", "anchor_node_other_chain", says(chain_id="0x1")),
    "other_chain_without_the_contract": AnchorCase(
        "The node is on another chain and refuses the rest.",
        "anchor_node_other_chain",
        lambda a, r: (fails("malformed", "chain_id")(a, r), a.update(chain_id="0x1")),
    ),
    "no_contract": AnchorCase(
        "Nothing stands at the contract's address.",
        "anchor_node_no_contract",
        says(code="0x", anchor="0x", latest="0x"),
    ),
    "no_contract_and_errors": AnchorCase(
        "Nothing stands at the address, and the node refuses to call it.",
        "anchor_node_no_contract",
        lambda a, r: (fails("malformed", "chain_id", "code")(a, r), a.update(code="0x")),
    ),
    "chain_id_padded": AnchorCase("The chain id is no quantity.", "anchor_node_malformed", says(chain_id="0x06f0")),
    "chain_id_a_number": AnchorCase("The chain id is no text.", "anchor_node_malformed", says(chain_id=CHAIN_ID)),
    "answers_of_nothing": AnchorCase(
        "The contract's answers are empty.", "anchor_node_malformed", says(anchor="0x", latest="0x")
    ),
    "answers_cut_off": AnchorCase(
        "The contract's answer lacks a word.", "anchor_node_malformed", lambda a, _: a.update(anchor=a["anchor"][:-64])
    ),
    "answers_beyond_numbers": AnchorCase(
        "A size beyond 2^53.", "anchor_node_malformed", lambda a, r: a.update(latest=latest(1 << 60, r[SIZE]))
    ),
    "behind": AnchorCase(
        "The node's latest anchor is smaller than the one that the bundle names.",
        "anchor_node_behind",
        lambda a, roots: a.update(anchor=anchors(bytes(32), previous=0), latest=latest(13, roots[13])),
    ),
    "behind_the_claim_only": AnchorCase(
        "The node's latest anchor covers the checkpoint, and is smaller than the one that the bundle names.",
        "anchor_node_behind",
        lambda a, roots: a.update(anchor=anchors(bytes(32), previous=0), latest=latest(25, roots[25])),
        size=34,
    ),
    "log_unknown": AnchorCase(
        "The contract does not know the log.",
        "anchor_node_behind",
        says(anchor=anchors(bytes(32), previous=0), latest=latest(0, bytes(32), alg=0)),
    ),
    "not_found": AnchorCase(
        "The chain holds larger anchors, and none of this size: the claim is not true.",
        "anchor_not_found",
        lambda a, r: a.update(anchor=anchors(bytes(32), previous=0), latest=latest(LARGER, r[LARGER])),
        verdict="mismatch",
    ),
    "other_root": AnchorCase(
        "The chain holds another root for this size.",
        "anchor_node_contradicts",
        says(anchor=anchors(OTHER_ROOT), latest=latest(SIZE, OTHER_ROOT)),
        verdict="mismatch",
    ),
    "other_root_without_claim": AnchorCase(
        "The bundle names no anchor; the chain holds another root for the checkpoint's size.",
        "anchor_node_contradicts",
        says(anchor=anchors(OTHER_ROOT), latest=latest(SIZE, OTHER_ROOT)),
        claimed=False,
        verdict="mismatch",
    ),
    "other_root_of_a_larger_tree": AnchorCase(
        "The bundle names a larger anchor with another root than the chain's, whose growth is proved.",
        "anchor_node_contradicts",
        size=34,
        bundle=lambda b: b["anchor"].update(root=b64(OTHER_ROOT)),
        consistency=list,
        verdict="mismatch",
    ),
    "other_algorithm": AnchorCase(
        "The contract says that the log hashes with SHA-256, the trust file says SM3.",
        "anchor_node_contradicts",
        lambda a, roots: a.update(latest=latest(SIZE, roots[SIZE], alg=SHA256)),
        verdict="mismatch",
    ),
    "contradicts_itself": AnchorCase(
        "The node names two roots for the latest size.",
        "anchor_node_malformed",
        says(latest=latest(SIZE, OTHER_ROOT)),
    ),
    "latest_is_not_there": AnchorCase(
        "The node names a latest anchor and then does not have it.",
        "anchor_node_malformed",
        says(anchor=anchors(bytes(32), previous=0)),
    ),
    "previous_is_larger": AnchorCase(
        "The anchor before this one is larger.",
        "anchor_node_malformed",
        lambda a, roots: a.update(anchor=anchors(roots[SIZE], previous=SIZE)),
    ),
    "asked_about_another_size": AnchorCase(
        "The answers are about another size.", "anchor_node_malformed", says(size=13)
    ),
    "larger_without_proof": AnchorCase(
        "A larger tree is anchored, and nothing proves that it extends the checkpoint's.",
        "anchor_no_consistency",
        size=34,
    ),
    "larger_with_forged_proof": AnchorCase(
        "The bundle's consistency proof does not lead to the roots.",
        "anchor_not_consistent",
        size=34,
        consistency=_flip,
        verdict="mismatch",
    ),
    "larger_with_short_proof": AnchorCase(
        "The bundle's consistency proof is too short.",
        "anchor_not_consistent",
        size=34,
        consistency=lambda proof: proof[:-1],
        verdict="mismatch",
    ),
    "larger_with_long_proof": AnchorCase(
        "The bundle's consistency proof is too long.",
        "anchor_not_consistent",
        size=34,
        consistency=lambda proof: [*proof, b64(OTHER_ROOT)],
        verdict="mismatch",
    ),
    "larger_with_no_list": AnchorCase(
        "The bundle's consistency proof is no list.",
        "anchor_not_consistent",
        size=34,
        consistency=lambda proof: proof[0],
        verdict="mismatch",
    ),
    "fork_under_a_true_anchor": AnchorCase(
        "The anchored tree is another one than the checkpoint's: the log showed two histories.",
        "anchor_not_consistent",
        lambda a, _: a.update(anchor=anchors(OTHER_ROOT), latest=latest(34, OTHER_ROOT)),
        size=34,
        bundle=lambda b: b["anchor"].update(root=b64(OTHER_ROOT)),
        consistency=list,
        verdict="mismatch",
    ),
    "unknown_chain": AnchorCase(
        "The anchor names a chain that the trust file does not name.",
        "anchor_unknown_chain",
        bundle=lambda b: b["anchor"].update(chain_id=1),
    ),
    "unknown_contract": AnchorCase(
        "The anchor names a contract that the trust file does not name.",
        "anchor_unknown_chain",
        bundle=lambda b: b["anchor"].update(contract="0x" + "5b" * 20),
    ),
    "unknown_contract_of_no_form": AnchorCase(
        "The anchor's contract is no text.", "anchor_unknown_chain", bundle=lambda b: b["anchor"].update(contract=7)
    ),
    "embedded_in_the_trust_file": AnchorCase(
        "The trust file calls the chain embedded: no node can make evidence of it, whatever the bundle calls it.",
        "anchor_embedded",
        trust=lambda p: p["chains"][-1].update(mode="embedded"),
    ),
    "called_embedded_by_the_bundle": AnchorCase(
        "The bundle calls the chain embedded, the trust file does not: the trust file counts.",
        "anchor_ok",
        bundle=lambda b: b["anchor"].update(mode="embedded"),
    ),
    "claim_contradicts_the_checkpoint": AnchorCase(
        "The claimed anchor is smaller than the checkpoint: the node need not be asked.",
        "anchor_mismatch",
        bundle=lambda b: b["anchor"].update(size=20),
        verdict="mismatch",
    ),
}
