"""The log's part of a bundle: the checkpoint, the proof under it, its signers, the witnesses' quorum, the anchor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from credentials.verification.findings import FindingError, UnreadableError, found_as
from credentials.verification.presented import Presented
from credentials.verification.reading import LAST_SECOND, member, number
from credentials.verification.report import iso
from credentials.verification.trust import Log, Trust
from crypto.encoding import from_b64
from crypto.hashes import Hash, sm3
from kernel.errors import XinjiError
from ledger.errors import InvalidNoteError
from ledger.formats.checkpoint import Checkpoint, parse_checkpoint
from ledger.formats.commitment import CREDENTIAL, commit
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import InclusionProof, TreeHead, leaf_hash, verify_inclusion
from ledger.formats.note import Note, Signature, parse_note
from ledger.formats.vkey import VerifierKey
from ledger.registry.entities import parse_entity_id

CLOCKS: Final = 600
"""By how many seconds the clocks of witnesses and of a log may differ (docs/ledger-format.md §7)."""
_MAX_PATH: Final = 63
_HASH_BYTES: Final = 32
_NEEDED: Final = ("origin", "entry", "index", "path", "checkpoint")


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint as it was read: nobody's signature on it was checked."""

    note: Note
    checkpoint: Checkpoint

    def line_by(self, key: VerifierKey) -> Signature | None:
        """Return the first line that names `key`; a second one is ignored."""
        lines = (line for line in self.note.signatures if (line.name, line.key_id) == (key.name, key.key_id))
        return next(lines, None)


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree head with the hash of its log: what inclusion proofs lead to."""

    hash: Hash
    head: TreeHead

    def verify(self, entry: bytes, proof: InclusionProof) -> None:
        """Check that `entry` stands in the tree; raises `InvalidProofError` otherwise."""
        verify_inclusion(self.hash, leaf=leaf_hash(self.hash, entry), proof=proof, head=self.head)


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who cosigned, and T: when the quorum was complete."""

    organisations: tuple[str, ...]
    required: int
    time: int


def read_head(part: object) -> Head | None:
    """Return the checkpoint of a bundle's log part, or None where it cannot be read."""
    source = member(part, "checkpoint")
    try:
        note = parse_note(source if isinstance(source, str) else "")
        return Head(note, parse_checkpoint(note.text))
    except InvalidNoteError:
        return None


def tree_of(head: Head | None, part: object, trust: Trust | None) -> Tree | None:
    """Return what proofs are made against; of a log that is not trusted, the default hash is assumed."""
    log = trust.logs.get(str(member(part, "origin"))) if trust else None
    return None if head is None else Tree(log.hash if log else sm3, head.checkpoint.head)


def read_proof(part: object) -> InclusionProof:
    """Read `{index, path}`.

    Raises:
        UnreadableError, InvalidEncodingError: It has another form.
    """
    path = member(part, "path")
    if not isinstance(part, Mapping) or not isinstance(path, list) or len(path) > _MAX_PATH:
        raise UnreadableError(f"a proof is an index and at most {_MAX_PATH} hashes")
    if not all(isinstance(node, str) for node in path):
        raise UnreadableError("a proof holds hashes in base64")
    nodes = tuple(from_b64(node) for node in path)
    if any(len(node) != _HASH_BYTES for node in nodes):
        raise UnreadableError(f"a hash has {_HASH_BYTES} bytes")
    return InclusionProof(number(part, "index"), nodes)


def check_inclusion(
    part: object, credential: Presented | None, head: Head | None, tree: Tree | None, trust: Trust | None
) -> dict[str, Any]:
    """Return the evidence that the log holds the credential, under a checkpoint that the log signed.

    Raises:
        FindingError: With the code of what does not hold.
    """
    if not isinstance(part, Mapping) or any(part.get(name) is None for name in _NEEDED):
        raise FindingError("inclusion_missing")
    origin = part["origin"]
    log = trust.logs.get(str(origin)) if trust else None
    if trust is not None and log is None:
        raise FindingError("inclusion_unknown_log", origin=origin)
    if head is None or tree is None or head.checkpoint.origin != origin:
        raise FindingError("inclusion_checkpoint_signature", "no checkpoint of this log", origin=origin)
    for key in log.keys if log else ():
        _check_log_line(head, key)
    if log is not None and _beyond_final(head, log):
        raise FindingError("inclusion_beyond_final", origin=origin, tree_size=head.checkpoint.head.tree_size)
    if credential is None:
        raise FindingError("inclusion_proof", "there is no credential that the entry could be")
    evidence = {"origin": origin, "tree_size": head.checkpoint.head.tree_size, "index": part["index"]}
    entry = _check_entry(part["entry"], credential, evidence)
    with found_as("inclusion_proof", **evidence):
        tree.verify(entry, read_proof(part))
    return evidence


def open_status_log(part: object, trust: Trust, *, listed_at: int | None) -> Tree:
    """Return the tree of the `log` that a status part names for itself: well signed, and seen by the quorum.

    A key that the status service got later can stand neither under the older checkpoint of a credential
    nor in a log that was closed. `listed_at`: when the list was made, which the checkpoint must not be
    older than; None where the verifier brought a list that is younger than the bundle.

    Raises:
        FindingError: `status_log`, or `status_beyond_final` where the log was closed before.
    """
    origin, head = member(part, "origin"), read_head(part)
    log = trust.logs.get(origin) if isinstance(origin, str) else None
    if log is None:
        raise FindingError("status_log", "no log of the trust file", origin=origin)
    if head is None or head.checkpoint.origin != origin:
        raise FindingError("status_log", "no checkpoint of this log", origin=origin)
    try:
        for key in log.keys:
            _check_log_line(head, key)
        seen = find_quorum(head, trust).time if trust.policy.quorum else None
    except FindingError as finding:
        raise FindingError("status_log", str(finding), origin=origin) from finding
    if _beyond_final(head, log):
        raise FindingError("status_beyond_final", origin=origin, tree_size=head.checkpoint.head.tree_size)
    if seen is not None and listed_at is not None and seen + CLOCKS < listed_at:
        raise FindingError("status_log", f"the list is younger: {iso(listed_at)}", origin=origin, time=iso(seen))
    return Tree(log.hash, head.checkpoint.head)


def _beyond_final(head: Head, log: Log) -> bool:
    """Whether a well signed checkpoint proves that its log went on, or was written anew, after it was closed."""
    end, tree = log.final, head.checkpoint.head
    return end is not None and (tree.tree_size > end.tree_size or (tree.tree_size == end.tree_size and tree != end))


def _check_log_line(head: Head, key: VerifierKey) -> None:
    with found_as("inclusion_checkpoint_signature", origin=key.name):
        line = head.line_by(key)
        if line is None:
            raise UnreadableError(f"no line by the log's key {key.key_id.hex()}")
        key.verify(head.note.text, line.value)


def _check_entry(encoded: object, credential: Presented, evidence: dict[str, Any]) -> bytes:
    """Return the entry's bytes, which must hold the commitment to the credential's tokens."""
    with found_as("inclusion_entry_mismatch", **evidence):
        data = from_b64(encoded) if isinstance(encoded, str) else b""
        entry = Entry.decode(data)
        commitment = commit(CREDENTIAL, parse_entity_id(credential.issuer).log_code, credential.tokens)
        evidence["commitment"] = commitment.hex()
        if entry.type is not EntryType.CREDENTIAL or entry.commitment != commitment:
            raise UnreadableError("the entry is not this credential's")
    return data


def find_quorum(head: Head | None, trust: Trust | None) -> Quorum:
    """Return who of the policy's organisations cosigned, if they are enough.

    A line that does not fit does not count; it does not spoil those of others either.

    Raises:
        FindingError: `witnesses_none_named`, `witnesses_missing` or `witnesses_quorum`.
    """
    if trust is None or not trust.policy.quorum:
        raise FindingError("witnesses_none_named")
    if head is None:
        raise FindingError("witnesses_missing", "there is no readable checkpoint")
    times: dict[str, int] = {}
    for organisation in trust.policy.organisations:
        seen = [time for key in organisation.keys if (time := _cosigned_at(head, key)) is not None]
        if seen:
            times[organisation.name] = min(seen)
    quorum = trust.policy.quorum
    if len(times) < quorum:
        keys = [key for organisation in trust.policy.organisations for key in organisation.keys]
        code = "witnesses_quorum" if any(head.line_by(key) for key in keys) else "witnesses_missing"
        raise FindingError(code, witnesses=len(times), quorum=quorum, organisations=list(times))
    return Quorum(tuple(times), quorum, sorted(times.values())[quorum - 1])


def _cosigned_at(head: Head, key: VerifierKey) -> int | None:
    line = head.line_by(key)
    try:
        time = None if line is None else key.verify(head.note.text, line.value)
    except XinjiError:
        return None
    return time if time is not None and time <= LAST_SECOND else None


def check_anchor(anchor: object, head: Head | None) -> tuple[str, dict[str, Any]]:
    """Return the step's code and evidence: no chain node is asked here, so nothing passes.

    Raises:
        FindingError: `anchor_absent`, or `anchor_mismatch` where it contradicts the checkpoint.
    """
    if anchor is None:
        raise FindingError("anchor_absent")
    if not isinstance(anchor, Mapping):
        raise FindingError("anchor_mismatch", "the anchor is no object")
    names = ("mode", "chain_id", "contract", "transaction", "block_number", "size")
    shown = {name: anchor[name] for name in names if isinstance(anchor.get(name), str | int)}
    root = anchor.get("root")
    with found_as("anchor_mismatch", **shown):
        size, anchored = number(anchor, "size"), from_b64(root) if isinstance(root, str) else b""
        if not isinstance(anchor.get("mode"), str) or len(anchored) != _HASH_BYTES:
            raise UnreadableError("mode or root has another form")
        tree = head.checkpoint.head if head else TreeHead(0, anchored)
        if size < tree.tree_size or (size == tree.tree_size and anchored != tree.root_hash):
            raise UnreadableError("the chain holds another tree than the checkpoint")
    return ("anchor_embedded" if anchor["mode"] == "embedded" else "anchor_not_checked"), shown
