"""Was this school accredited for this type, with this key, at this time? A file that answers offline.

`xinji/accreditation-proof/1`: the chain of statements, each with its place in the log, under the first
checkpoint that held them all. T is when the quorum of witnesses had seen that checkpoint: from then on
nobody could take the accreditation back unseen, and before it nobody had to know of it.

It does not show that no later status exists: who made the file may have left one out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from xinji_client import chain
from xinji_client.bundle import MAX_BYTES, part_of
from xinji_client.case import CLOCK_SKEW
from xinji_client.encoding import strict_again, strict_json
from xinji_client.errors import CheckFailed, EngineMissingError, FormatError, failing_as
from xinji_client.note import Checkpoint, checkpoint
from xinji_client.report import LANGUAGES, messages
from xinji_client.steps import check_leaf
from xinji_client.times import iso
from xinji_client.trust import Root, Tree, Trust
from xinji_client.witnesses import witnessed

FORMAT = "xinji/accreditation-proof/1"
REPORT = "xinji/accreditation-report/1"
_AS_ANSWER = {
    "issuer_expired": "answer_expired",
    "issuer_compromised": "answer_compromised",
    "issuer_chain": "answer_status",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `credential_type` (a vct) and `key` (a thumbprint) may be left open."""

    school: str
    at: datetime
    credential_type: str | None = None
    key: str | None = None


@cache
def words() -> Mapping[str, Any]:
    """Return the codes and sentences of these reports."""
    loaded: Mapping[str, Any] = json.loads(files("xinji_client").joinpath("accreditation.json").read_text("utf-8"))
    return loaded


def check_accreditation(
    proof: bytes | str | Mapping[str, Any], trust: Trust | None, question: Question, *, now: datetime
) -> dict[str, Any]:
    """Return the report on a proof file. Never raises for what the file holds; pure but for `now`."""
    usable = trust if trust and trust.issued_at - CLOCK_SKEW <= now < trust.expires_at else None
    found: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(step: str, check: Callable[[], Any], passed: str) -> Any:
        try:
            value = check()
        except CheckFailed as finding:
            found[step] = finding.code, finding.evidence
        except EngineMissingError as error:
            found[step] = "integrity_engine_missing", {"detail": str(error)}
        else:
            found[step] = passed, value.evidence if hasattr(value, "evidence") else {}
            return value
        return None

    parts = _read(proof)
    # 1. Log: the checkpoint is signed by all keys of a log that the trust file names.
    tree = run("log", lambda: _tree(parts, usable), "log_ok")
    # 2. Witnesses: a quorum has seen it; T is when.
    seen = run("witnesses", lambda: witnessed(usable, tree.checkpoint if tree else None), "witnesses_ok")
    # 3. Chain: from the leaf to a root, signed, within all limits, every statement logged.
    linked = run("chain", lambda: _chain(parts, usable, tree), "chain_ok")
    # 4. Answer: the leaf says what was asked, at that time.
    time = seen.time if seen else None
    if tree and linked:
        run("answer", lambda: _answer(linked[0], linked[1], question, time), "answer_yes")
    else:
        found["answer"] = "answer_open", {}
    steps = [_step(name, code, evidence) for name, (code, evidence) in found.items()]
    code = _verdict(steps, usable)
    asked = {"school": question.school, "type": question.credential_type, "key": question.key}
    return {
        "format": REPORT,
        "verdict": {"code": code} | {language: words()["verdicts"][code][language] for language in LANGUAGES},
        "question": asked | {"at": iso(int(question.at.timestamp()))},
        "checked_at": iso(int(now.timestamp())),
        "time": None if time is None else iso(time),
        "steps": steps,
    }


def _read(proof: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts; what cannot be read is taken for an empty file."""
    try:
        if isinstance(proof, str | bytes) and len(proof) > MAX_BYTES:
            return {}
        parts = strict_json(proof) if isinstance(proof, str | bytes) else strict_again(proof)
    except FormatError:
        return {}
    return parts if isinstance(parts, dict) and parts.get("format") == FORMAT else {}


def _tree(parts: Mapping[str, Any], trust: Trust | None) -> Tree:
    log = parts.get("log")
    origin, note = part_of(log, "origin"), part_of(log, "checkpoint")
    if origin is None or note is None:
        raise CheckFailed("log_missing")
    if trust is None:
        raise CheckFailed("log_no_trust")
    known = trust.log(origin)
    if known is None:
        raise CheckFailed("log_unknown", origin=origin)
    with failing_as("log_signature", origin=origin):
        head: Checkpoint = checkpoint(note)
        if head.origin != origin:
            raise FormatError("the checkpoint is of another log")
        for key in known.keys:
            head.verify_log(key)
    if known.outlives_itself(head):
        raise CheckFailed("log_beyond_final", origin=origin, tree_size=head.size)
    return Tree(known.hash, head)


def _chain(
    parts: Mapping[str, Any], trust: Trust | None, tree: Tree | None
) -> tuple[tuple[chain.Statement, ...], Root]:
    statements = chain.read(parts.get("statements"))
    if trust is None:
        raise CheckFailed("log_no_trust")
    leaf = statements[0]
    root = chain.verify(statements, trust.roots, tree, kind=chain.ISSUER, suites=leaf.tokens)
    metadata = leaf.metadata(chain.ISSUER)
    if leaf.subject.kind != "school" or metadata is None:
        raise CheckFailed("issuer_not_accredited", f"{leaf.subject.entity_id} is no school")
    if metadata.get("school_code") != [leaf.subject.code]:
        raise CheckFailed("issuer_code_mismatch", f"{leaf.subject.code}, metadata {metadata.get('school_code')}")
    check_leaf(leaf, leaf.subject, None)
    return statements, root


def _answer(statements: tuple[chain.Statement, ...], root: Root, question: Question, time: int | None) -> None:
    leaf, at = statements[0], int(question.at.timestamp())
    metadata = leaf.metadata(chain.ISSUER) or {}
    if leaf.subject.code != question.school:
        raise CheckFailed("answer_school", entity_id=leaf.subject.entity_id)
    types = metadata.get("credential_types")
    if question.credential_type is not None and question.credential_type not in (types or ()):
        raise CheckFailed("answer_type", f"{types}")
    keys = [key.key_id for key in leaf.service_keys(chain.ISSUER)]
    if question.key is not None and question.key not in keys:
        raise CheckFailed("answer_key", keys=keys)
    try:
        chain.check_times(statements, root, at=at)
    except CheckFailed as finding:
        raise CheckFailed(_AS_ANSWER[finding.code], **finding.evidence) from finding
    if time is None:
        raise CheckFailed("answer_unwitnessed")
    if time > at:
        raise CheckFailed("answer_not_public", time=iso(time))


def _step(name: str, code: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    entry = words()["codes"].get(code) or messages()["codes"][code]
    return {
        "step": name,
        "result": entry["result"],
        "code": code,
        **{language: entry[language] for language in LANGUAGES},
        "evidence": dict(evidence),
    }


def _verdict(steps: list[dict[str, Any]], trust: Trust | None) -> str:
    failed = {step["step"] for step in steps if step["result"] == "failed"}
    if failed - {"answer"}:
        return "mismatch"
    if failed:
        return "not_accredited"
    if trust is not None and trust.quorum == 0:
        return "operator_only"
    return "incomplete" if any(step["result"] == "unchecked" for step in steps) else "accredited"
