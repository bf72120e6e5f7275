"""Make the vectors of this folder again: `python -m tests.vectors.ledger.generate`.

The keys in `notes.json` sign nothing else. Ed25519 signatures are deterministic; SM2
signatures are not, so `notes.json` is kept where it stands, and a test signs it again and
compares all but the SM2 values, which it verifies. `published.json` is other people's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crypto.hashes import sm3
from crypto.keys import ED25519, SGD_SM3_SM2, PrivateKey, generate_key
from ledger.formats.checkpoint import Checkpoint, cosignature_by, message_at, signature_by
from ledger.formats.commitment import ACCREDITATION, CREDENTIAL, STATUS_LIST, commit
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import TreeHead, leaf_hash, prove_consistency, prove_inclusion, root
from ledger.formats.note import Note
from ledger.formats.proof_text import ProvenEntry
from ledger.formats.vkey import VerifierKey, kind_of

FOLDER = Path(__file__).parent
SOURCE = "home-made: tests/vectors/ledger/generate.py; formats in docs/ledger-format.md"
GM = "eyJhbGciOiJTR0RfU00zX1NNMiJ9.eyJqdGkiOiJ1cm46dXVpZDowIn0.AAAA"
INTL = "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ1cm46dXVpZDowIn0.BBBB"


def commitments() -> dict[str, Any]:
    """Commitments and the entries that carry them."""
    cases: list[tuple[str, EntryType, str, str, dict[str, str]]] = [
        ("both suites", EntryType.CREDENTIAL, CREDENTIAL, "4141010459", {"gm": GM, "intl": INTL}),
        ("gm only", EntryType.CREDENTIAL, CREDENTIAL, "4141010459", {"gm": GM}),
        ("intl only", EntryType.CREDENTIAL, CREDENTIAL, "4141010459", {"intl": INTL}),
        ("disclosures cut", EntryType.CREDENTIAL, CREDENTIAL, "4141010459", {"gm": GM + "~WyJzIl0~", "intl": INTL}),
        ("of an authority", EntryType.ACCREDITATION, ACCREDITATION, "0000410000", {"gm": GM, "intl": INTL}),
        ("status list", EntryType.STATUS_LIST, STATUS_LIST, "0000410000", {"gm": GM, "intl": INTL}),
    ]
    made = []
    for name, kind, tag, code, suites in cases:
        commitment = commit(tag, code, suites)
        entry = Entry(kind, code, commitment).encode()
        made.append(
            {
                "name": name,
                "tag": tag,
                "type": int(kind),
                "issuer_code": code,
                "suites": suites,
                "commitment": commitment.hex(),
                "entry": entry.hex(),
            }
        )
    return {"source": SOURCE, "commitments": made}


def merkle() -> dict[str, Any]:
    """SM3 trees over entries that are the bytes of their index, with proofs."""
    trees = []
    for size in (0, 1, 2, 3, 7, 8, 13, 256, 257, 300):
        leaves = _leaves(size)
        indices = sorted({0, size // 3, size - 2, size - 1} & set(range(size)))
        olds = sorted({1, size // 2, size - 1, size} & set(range(1, size + 1)))
        trees.append(
            {
                "tree_size": size,
                "root": root(sm3, leaves).hex(),
                "inclusion": [
                    {
                        "index": index,
                        "leaf": leaves[index].hex(),
                        "path": [node.hex() for node in prove_inclusion(sm3, leaves, index).path],
                    }
                    for index in indices
                ],
                "consistency": [
                    {
                        "old_size": old,
                        "old_root": root(sm3, leaves[:old]).hex(),
                        "path": [node.hex() for node in prove_consistency(sm3, leaves, old)],
                    }
                    for old in olds
                ],
            }
        )
    return {"source": SOURCE, "hash": "sm3", "entries": "ASCII decimal of the index", "trees": trees}


ORIGIN = "localhost:8000/log"
WITNESS = "localhost:8003/witness"
TIME = 1782800000


def notes(keys: dict[str, str]) -> dict[str, Any]:
    """A checkpoint of 13 entries signed by a log and cosigned by a witness; `keys` are PKCS#8 in hex."""
    text = Checkpoint(ORIGIN, TreeHead(13, root(sm3, _leaves(13))))
    note = Note(str(text), ())
    vkeys: dict[str, str] = {}
    for role, alg in ROLES:
        private = PrivateKey.from_bytes(alg, bytes.fromhex(keys[role]))
        witness = role.startswith("witness")
        key = VerifierKey(WITNESS if witness else ORIGIN, kind_of(alg, timestamped=witness), private.public)
        vkeys[role] = str(key)
        if witness:
            line = cosignature_by(key, private.sign(message_at(key, text, TIME)), time=TIME)
        else:
            line = signature_by(key, private.sign(str(text).encode()))
        note = note.signed([line])
    proof = prove_inclusion(sm3, _leaves(13), 7)
    return {
        "source": SOURCE,
        "keys": keys,
        "vkeys": vkeys,
        "time": TIME,
        "checkpoint": str(note),
        "proof_of_7": str(ProvenEntry(proof, str(note))),
    }


ROLES = [
    ("log_sm2", SGD_SM3_SM2),
    ("log_ed25519", ED25519),
    ("witness_sm2", SGD_SM3_SM2),
    ("witness_ed25519", ED25519),
]


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(sm3, str(at).encode()) for at in range(size)]


def write(name: str, content: dict[str, Any]) -> None:
    """Write one file of vectors."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (FOLDER / name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write("commitments.json", commitments())
    write("merkle.json", merkle())
    if not (FOLDER / "notes.json").exists():
        write("notes.json", notes({role: generate_key(alg).to_bytes().hex() for role, alg in ROLES}))
