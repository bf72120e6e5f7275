"""Defects of the log's proof, of the checkpoint, of its witnesses, of the anchor and of the trust file."""

from __future__ import annotations

from typing import Any

from tests.vectors.making import defects as d
from tests.vectors.making.case import NO_QUORUM, NO_TRUST, NO_WITNESS, bad
from tests.vectors.making.keys import LOG_SM2, b64, note_line, sha256
from tests.vectors.making.lines import cosignature, cosigned, forged
from tests.vectors.making.recipe import Recipe, log_lines
from tests.vectors.making.tree import Tree
from tests.vectors.making.world import A_ED25519, A_SM2, B_ED25519, C_SM2, ORIGIN, STRANGER, T


def of_another_tree(bundle: dict[str, Any]) -> None:
    other = Tree("sm3")
    other.fill(21)
    bundle["log"]["path"] = other.proof(bundle["log"]["index"])["path"]


LOG_CASES = {
    "proof_of_another_tree": bad("The path is of another tree.", Recipe(bundle=of_another_tree), "inclusion_proof"),
    "proof_of_another_index": bad(
        "The path is right, the leaf index is not.",
        Recipe(bundle=lambda b: b["log"].update(index=b["log"]["index"] + 1)),
        "inclusion_proof",
    ),
    "proof_cut": bad(
        "The path lacks its last hash.", Recipe(bundle=lambda b: b["log"]["path"].pop()), "inclusion_proof"
    ),
    "proof_extended": bad(
        "The path has a hash too many.",
        Recipe(bundle=lambda b: b["log"]["path"].append(b["log"]["path"][0])),
        "inclusion_proof",
    ),
    "proof_index_beyond_tree": bad(
        "The leaf index lies beyond the tree.", Recipe(bundle=d.log_with(index=21)), "inclusion_proof"
    ),
    "entry_of_another_credential": bad(
        "Entry and proof are those of another credential.",
        Recipe(entry=lambda e: e[:11] + sha256(b"other")),
        "inclusion_entry_mismatch",
    ),
    "entry_of_another_type": bad(
        "The commitment stands in an entry of type 3.",
        Recipe(entry=lambda e: b"\x03" + e[1:]),
        "inclusion_entry_mismatch",
    ),
    "log_missing": bad(
        "The bundle has no log part.",
        Recipe(bundle=lambda b: b.pop("log")),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_missing",
            "witnesses": "witnesses_missing",
        },
        time=None,
    ),
    "log_entry_missing": bad(
        "The log part lacks the entry.", Recipe(bundle=lambda b: b["log"].pop("entry")), "inclusion_missing"
    ),
    "log_unknown": bad(
        "The trust file names another log.",
        Recipe(),
        "inclusion_unknown_log",
        trust=d.trust_with(lambda p: p["logs"][0].update(origin="henan.example/log/2027")),
    ),
    "checkpoint_of_another_origin": bad(
        "The checkpoint is of another log whose keys are the same.",
        Recipe(bundle=d.log_with(origin="henan.example/log/2027")),
        "inclusion_checkpoint_signature",
        trust=d.trust_with(lambda p: p["logs"].append(p["logs"][0] | {"origin": "henan.example/log/2027"})),
    ),
    "checkpoint_forged_sm2_line": bad(
        "The log's SM2 line is forged, its Ed25519 line is good.",
        Recipe(log_lines=lambda text: [forged(log_lines(text)[0]), log_lines(text)[1]]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_forged_ed25519_line": bad(
        "The log's Ed25519 line is forged, its SM2 line is good.",
        Recipe(log_lines=lambda text: [log_lines(text)[0], forged(log_lines(text)[1])]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_without_sm2_line": bad(
        "The log's SM2 line is missing.",
        Recipe(log_lines=lambda text: log_lines(text)[1:]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_signed_by_another_log": bad(
        "The SM2 line is another log's under this one's name.",
        Recipe(log_lines=lambda text: [note_line(text, ORIGIN, LOG_SM2, "another log"), log_lines(text)[1]]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_unreadable": bad(
        "The checkpoint is no signed note.",
        Recipe(bundle=d.log_with(checkpoint="henan.example/log\n21\n")),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_checkpoint_signature",
            "witnesses": "witnesses_missing",
        },
        time=None,
    ),
    "checkpoint_of_another_tree": bad(
        "The root was changed under the old signatures: every proof, signature and anchor disagrees.",
        Recipe(bundle=d.change_root),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_checkpoint_signature",
            "witnesses": "witnesses_quorum",
            "anchor": "anchor_mismatch",
        },
        time=None,
    ),
}

WITNESS_CASES = {
    "no_cosignature": bad("Nobody cosigned the checkpoint.", cosigned(), NO_WITNESS, time=None),
    "cosignature_by_a_stranger": bad(
        "Two cosignatures by one whom the trust file does not name.",
        cosigned(STRANGER, more=lambda text: [cosignature(STRANGER, T + 1)(text)]),
        NO_WITNESS,
        time=None,
    ),
    "one_cosignature": bad("One organisation of the two required.", cosigned(B_ED25519), NO_QUORUM, time=None),
    "same_organisation_twice": bad(
        "Two keys of one organisation count once.", cosigned(A_SM2, A_ED25519), NO_QUORUM, time=None
    ),
    "cosignature_forged": bad(
        "The second cosignature is forged.",
        cosigned(B_ED25519, more=lambda text: [forged(cosignature(C_SM2)(text))]),
        NO_QUORUM,
        time=None,
    ),
    "cosignature_time_changed": bad(
        "The time of a cosignature was changed.",
        cosigned(B_ED25519, more=lambda text: [d.earlier(cosignature(C_SM2)(text))]),
        NO_QUORUM,
        time=None,
    ),
    "cosignature_without_time": bad(
        "The witness signed the note as a log does, without a time.",
        cosigned(B_ED25519, more=lambda text: [d.untimed(text, C_SM2)]),
        NO_QUORUM,
        time=None,
    ),
    "witness_policy_empty": bad(
        "The trust file names no witness: the log is vouched for by its operator alone.",
        Recipe(),
        {"issuer": "issuer_no_trust", "witnesses": "witnesses_none_named"},
        trust=d.trust_with(lambda p: p.update(witness_policy={"quorum": 0, "witnesses": []})),
        verdict="operator_only",
        time=None,
    ),
}

OTHER_CASES = {
    "anchor_contradicts_root": bad(
        "The anchor has the checkpoint's size and another root.",
        Recipe(bundle=lambda b: b["anchor"].update(root=b64(sha256(b"other root")))),
        "anchor_mismatch",
    ),
    "anchor_too_small": bad(
        "The anchor covers fewer entries than the checkpoint.",
        Recipe(bundle=lambda b: b["anchor"].update(size=20)),
        "anchor_mismatch",
    ),
    "anchor_malformed": bad(
        "The anchor has no root.", Recipe(bundle=lambda b: b["anchor"].pop("root")), "anchor_mismatch"
    ),
    "key_binding_of_nobody": bad(
        "Something poses as key binding.", Recipe(bundle=d.bundle_with(key_binding="a.b.c")), "holder_failed"
    ),
    "trust_expired": bad(
        "The trust file has expired.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p.update(expires_at="2026-07-01T04:00:00Z")),
        verdict="incomplete",
        time=None,
    ),
    "trust_of_the_future": bad(
        "The trust file was made after the verifier's present.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p.update(issued_at="2026-07-01T05:00:00Z")),
        verdict="incomplete",
        time=None,
    ),
    "trust_signed_by_a_stranger": bad(
        "The trust file is not signed by its roots.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda _: None, signers=("root 61",)),
        verdict="incomplete",
        time=None,
    ),
    "trust_tampered": bad(
        "The trust file was changed after it was signed.",
        Recipe(),
        NO_TRUST,
        trust=d.tampered_trust,
        verdict="incomplete",
        time=None,
    ),
    "trust_expired_and_tampered": bad(
        "The trust file has expired, and a field of the credential was changed.",
        Recipe(bundle=d.change_disclosure),
        NO_TRUST | {"integrity": "integrity_disclosure"},
        trust=d.trust_with(lambda p: p.update(expires_at="2026-07-01T04:00:00Z")),
        time=None,
    ),
}
