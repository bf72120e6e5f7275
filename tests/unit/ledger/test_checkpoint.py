"""Checkpoints, the witnesses' quorum, and proofs as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding import b64
from crypto.hashes import sha256, sm3
from crypto.keys import ED25519, SGD_SM3_SM2, PrivateKey, generate_key
from ledger.errors import InvalidNoteError, InvalidNoteSignatureError, InvalidProofError
from ledger.formats.checkpoint import (
    Checkpoint,
    Organisation,
    WitnessPolicy,
    cosignature_by,
    message_at,
    open_checkpoint,
    parse_checkpoint,
    signature_by,
)
from ledger.formats.merkle import InclusionProof, TreeHead, leaf_hash, verify_consistency, verify_inclusion
from ledger.formats.note import Note, parse_note
from ledger.formats.proof_text import AddCheckpoint, ProvenEntry, parse_add_checkpoint, parse_proof
from ledger.formats.vkey import Kind, VerifierKey, kind_of, parse_vkey
from tests.vectors.ledger import generate

VECTORS = Path(__file__).parents[2] / "vectors" / "ledger"
NOTES: dict[str, Any] = json.loads((VECTORS / "notes.json").read_text("utf-8"))
MERKLE: dict[str, Any] = json.loads((VECTORS / "merkle.json").read_text("utf-8"))
WITNESS: dict[str, Any] = json.loads((VECTORS / "published.json").read_text("utf-8"))["witness"]
KEYS = {role: parse_vkey(text) for role, text in NOTES["vkeys"].items()}
LOG_KEYS = [KEYS["log_sm2"], KEYS["log_ed25519"]]
ORIGIN = "localhost:8000/log"
TEXT = Checkpoint("example.org/log", TreeHead(5, bytes(range(32))))
SIGNING = {name: generate_key(ED25519) for name in "abcd"}
heads = st.builds(TreeHead, st.integers(0, (1 << 63) - 1), st.binary(min_size=32, max_size=32))
lines = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)


def witness(name: str) -> VerifierKey:
    return VerifierKey(f"{name}.example/w", Kind.ED25519_COSIGNATURE, SIGNING[name].public)


def cosigned(**times: int) -> Note:
    """A note that the named witnesses cosigned at the given times."""
    made = [
        cosignature_by(witness(n), SIGNING[n].sign(message_at(witness(n), TEXT, t)), time=t) for n, t in times.items()
    ]
    return Note(str(TEXT), tuple(made))


def policy(quorum: int, **names: str) -> WitnessPolicy:
    return WitnessPolicy(quorum, tuple(Organisation(org, tuple(map(witness, keys))) for org, keys in names.items()))


def test_our_vectors_verify() -> None:
    signed = open_checkpoint(NOTES["checkpoint"], origin=ORIGIN, keys=LOG_KEYS)
    assert signed.checkpoint.head.tree_size == 13
    assert len(signed.note.signatures) == 4
    witnesses = WitnessPolicy(1, (Organisation("w", (KEYS["witness_sm2"], KEYS["witness_ed25519"])),))
    assert witnesses.time(signed.note) == NOTES["time"]
    proven = parse_proof(NOTES["proof_of_7"])
    assert proven.checkpoint == NOTES["checkpoint"]
    verify_inclusion(sm3, leaf=leaf_hash(sm3, b"7"), proof=proven.proof, head=signed.checkpoint.head)


@pytest.mark.parametrize(
    ("name", "made"), [("commitments.json", generate.commitments), ("merkle.json", generate.merkle)]
)
def test_the_generator_reproduces_the_vectors(name: str, made: Any) -> None:
    assert json.loads((VECTORS / name).read_text("utf-8")) == json.loads(json.dumps(made()))


def test_the_generator_reproduces_the_note_but_for_sm2_s_nonces() -> None:
    again = generate.notes(NOTES["keys"])
    assert again["vkeys"] == NOTES["vkeys"]
    then, now = parse_note(NOTES["checkpoint"]), parse_note(again["checkpoint"])
    assert then.text == now.text
    assert then.signatures[1::2] == now.signatures[1::2]
    assert len(now.verify(list(KEYS.values()))) == 4


@pytest.mark.parametrize("tree", MERKLE["trees"], ids=lambda tree: str(tree["tree_size"]))
def test_the_vectors_of_trees(tree: dict[str, Any]) -> None:
    head = TreeHead(tree["tree_size"], bytes.fromhex(tree["root"]))
    for case in tree["inclusion"]:
        proof = InclusionProof(case["index"], tuple(map(bytes.fromhex, case["path"])))
        verify_inclusion(sm3, leaf=leaf_hash(sm3, str(case["index"]).encode()), proof=proof, head=head)
    for case in tree["consistency"]:
        old = TreeHead(case["old_size"], bytes.fromhex(case["old_root"]))
        verify_consistency(sm3, old=old, new=head, path=list(map(bytes.fromhex, case["path"])))


def test_a_published_witness_s_requests_verify() -> None:
    """Requests of another implementation: SHA-256, Ed25519, from 1 to 3 and from 1 to 5."""
    material = b"\x01" + bytes.fromhex(WITNESS["public_key"])
    key_id = sha256(WITNESS["origin"].encode() + b"\n" + material)[:4].hex()
    key = parse_vkey(f"{WITNESS['origin']}+{key_id}+{b64(material)}")
    asked = [parse_add_checkpoint(text) for text in WITNESS["requests"]]
    assert [str(request) for request in asked] == WITNESS["requests"]
    heads = [open_checkpoint(a.checkpoint, origin=WITNESS["origin"], keys=[key]).checkpoint.head for a in asked]
    assert [head.tree_size for head in heads] == [1, 3, 5]
    for at in (1, 2):
        verify_consistency(sha256, old=heads[0], new=heads[at], path=asked[at].path)
    with pytest.raises(InvalidProofError):
        verify_consistency(sha256, old=heads[0], new=heads[2], path=asked[1].path)


@given(lines, heads, st.lists(lines, max_size=3))
def test_a_checkpoint_comes_back_from_its_text(origin: str, head: TreeHead, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, head, tuple(extensions))
    assert parse_checkpoint(str(checkpoint)) == checkpoint


ROOT = b64(bytes(32))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "log\n8\n",
        f"log\n8\n{ROOT}",
        f"\n8\n{ROOT}\n",
        f"log\n08\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n１\n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        f"log\n99999999999999999999\n{ROOT}\n",
        "log\n8\nnot*base64\n",
        f"log\n8\n{b64(bytes(31))}\n",
        f"log\n8\n{ROOT}\n\n",
        f"log\n8\n{ROOT}\n\nx\n",
    ],
)
def test_what_is_no_checkpoint(wrong: str) -> None:
    with pytest.raises(InvalidNoteError):
        parse_checkpoint(wrong)


def test_a_checkpoint_of_another_log_or_signed_by_nobody_trusted_is_refused() -> None:
    with pytest.raises(InvalidNoteError):
        open_checkpoint(NOTES["checkpoint"], origin="localhost:8001/log", keys=LOG_KEYS)
    with pytest.raises(InvalidNoteError):
        open_checkpoint(NOTES["checkpoint"], origin=ORIGIN, keys=[])
    # A witness's line is no log's signature, even where somebody lists its key as the log's.
    with pytest.raises(InvalidNoteError):
        open_checkpoint(NOTES["checkpoint"], origin=ORIGIN, keys=[KEYS["witness_sm2"], KEYS["witness_ed25519"]])
    bent = NOTES["checkpoint"].replace("\n13\n", "\n14\n")
    with pytest.raises(InvalidNoteSignatureError):
        open_checkpoint(bent, origin=ORIGIN, keys=LOG_KEYS)


@pytest.mark.parametrize("alg", [SGD_SM3_SM2, ED25519])
def test_one_of_the_log_s_keys_suffices(alg: str) -> None:
    private: PrivateKey = generate_key(alg)
    key = VerifierKey("example.org/log", kind_of(alg, timestamped=False), private.public)
    note = Note(str(TEXT), (signature_by(key, private.sign(str(TEXT).encode())),))
    signed = open_checkpoint(str(note), origin="example.org/log", keys=[*LOG_KEYS, key])
    assert signed.checkpoint == TEXT


def test_t_is_the_quorum_th_smallest_time_and_an_organisation_counts_once() -> None:
    note = cosigned(a=300, b=100, c=200, d=50)
    assert policy(1, A="a", B="b", C="c").time(note) == 100
    assert policy(2, A="a", B="b", C="c").time(note) == 200
    assert policy(3, A="a", B="b", C="c").time(note) == 300
    assert policy(2, A="ab", B="c").time(note) == 200  # A's earliest is 100.
    assert policy(2, A="ab", B="c").times(note) == {"A": 100, "B": 200}
    assert policy(2, A="ab", B="c").time(cosigned(a=1, b=2)) is None
    assert policy(0, A="a").time(note) is None
    assert policy(0).time(note) is None
    assert policy(1, A="a").time(Note(str(TEXT), ())) is None


def test_a_known_witness_s_bad_line_condemns_the_note() -> None:
    note = cosigned(a=1)
    moved = Note(note.text.replace("\n5\n", "\n6\n"), note.signatures)
    with pytest.raises(InvalidNoteSignatureError):
        policy(1, A="a").time(moved)


def test_a_log_s_line_is_no_cosignature() -> None:
    key = VerifierKey("example.org/log", Kind.ED25519, SIGNING["a"].public)
    note = Note(str(TEXT), (signature_by(key, SIGNING["a"].sign(str(TEXT).encode())),))
    assert WitnessPolicy(1, (Organisation("A", (key,)),)).times(note) == {}


@pytest.mark.parametrize(
    ("quorum", "names"),
    [(2, {"A": "ab"}), (-1, {"A": "a"}), (1, {"A": "a", "B": "a"}), (1, {"A": "aa"}), (1, {})],
)
def test_a_policy_nobody_can_meet_or_that_counts_somebody_twice(quorum: int, names: dict[str, str]) -> None:
    with pytest.raises(InvalidNoteError):
        policy(quorum, **names)


def test_an_organisation_is_named_once() -> None:
    with pytest.raises(InvalidNoteError):
        WitnessPolicy(1, (Organisation("A", (witness("a"),)), Organisation("A", (witness("b"),))))


paths = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)


@given(st.integers(0, 10**18), paths)
def test_proofs_come_back_from_their_text(number: int, path: tuple[bytes, ...]) -> None:
    asked = AddCheckpoint(number, path, "log\n1\n\nx\n")
    assert parse_add_checkpoint(str(asked)) == asked
    proven = ProvenEntry(InclusionProof(number, path), "log\n1\n\nx\n")
    assert parse_proof(str(proven)) == proven
    extra = str(proven).replace("\nindex", "\nextra AAAA\nindex", 1)
    assert parse_proof(extra) == proven


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "old 1\n",
        "old 1\n\n",
        "old 01\n\nx\n",
        "old -1\n\nx\n",
        "older 1\n\nx\n",
        "1\n\nx\n",
        "old 1\nAAAA\n\nx\n",
        "old 1\nA\n\nx\n",
        "old 1\n" + f"{ROOT}\n" * 64 + "\nx\n",
        f"old 1 {ROOT}\n\nx\n",
    ],
)
def test_what_is_no_request(wrong: str) -> None:
    with pytest.raises(InvalidProofError):
        parse_add_checkpoint(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx\n",
        "c2sp.org/tlog-proof@v1\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n\n",
    ],
)
def test_what_is_no_proof(wrong: str) -> None:
    with pytest.raises(InvalidProofError):
        parse_proof(wrong)
