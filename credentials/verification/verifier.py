"""Verify a bundle: numbered steps, one report. Pure: no network, no database, and no clock but `now`.

*Could not be checked* is only for what the verifier's side lacks; what a bundle must carry and
lacks has *failed*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from credentials.verification import accredited, current_status, log, presented
from credentials.verification.accredited import Claimed
from credentials.verification.findings import FindingError, UnreadableError
from credentials.verification.log import Head, Quorum, Tree
from credentials.verification.presented import Presented
from credentials.verification.reading import member, strict_json
from credentials.verification.report import FORMAT, Step, iso, step, verdict
from credentials.verification.trust import Trust
from ledger.registry.entities import Kind, parse_entity_id
from ledger.registry.errors import InvalidEntityError
from ledger.registry.statement import ISSUER

BUNDLE_FORMATS: Final = ("xinji/bundle/1", "xinji/bundle/2")
"""In the second the status may name a `log` of its own; nothing else differs."""
BACKDATING: Final = 30 * 86_400

Part = TypeVar("Part")


def verify(
    bundle: bytes | str | Mapping[str, Any],
    trust: Trust | None,
    *,
    now: datetime,
    status: Mapping[str, Any] | None = None,
    checked_on: str = "server",
) -> dict[str, Any]:
    """Return the report on `bundle`; never raises for what it holds.

    Args:
        bundle: A bundle's bytes or text, or the object in it.
        trust: What `open_trust` returned.
        now: The present moment.
        status: A fresh status object in place of the bundle's own.
        checked_on: `server` where this process checks for somebody else.
    """
    case = _opened(_parts(bundle), trust, int(now.timestamp()), status)
    claims: dict[str, Any] = {}
    steps = [
        # 1. Integrity: both suites' signatures by the leaf's keys, that they agree, and the disclosures.
        _run(lambda: _integrity(case, claims)),
        # 2. Issuer: the chain at T, up to a root of the trust file, every statement logged.
        _run(lambda: _issuer(case)),
        # 3. Status: the province's fresh, signed lists.
        _run(lambda: _status(case)),
        # 4. Inclusion: the log's entry is this credential, under a checkpoint signed by the log.
        _run(lambda: _inclusion(case)),
        # 5. Witnesses: a quorum of other organisations saw that checkpoint, and when.
        _run(lambda: _witnesses(case)),
        # 6. Anchor: it does not contradict the checkpoint; no chain node is asked.
        _run(lambda: step(*log.check_anchor(case.parts.get("anchor"), case.head))),
        # 7. Holder: only key binding to a nonce of this verifier's would pass, and it sends none.
        _run(lambda: _holder(case)),
    ]
    return {
        "format": FORMAT,
        "verdict": verdict(steps, witnesses_named=trust.policy.quorum > 0 if trust else None),
        "checked_at": iso(case.now),
        "checked_on": checked_on,
        "time": None if case.witnessed_at is None else iso(case.witnessed_at),
        "credential": _described(case, claims),
        "steps": steps,
    }


@dataclass(frozen=True, slots=True)
class _Case:
    """A bundle taken apart. What could not be read is the finding that the part's own step has to report."""

    parts: Mapping[str, Any]
    trust: Trust | None
    now: int
    credential: Presented | FindingError
    chain: tuple[Claimed, ...] | FindingError
    head: Head | None
    tree: Tree | None
    quorum: Quorum | FindingError
    status_given: bool

    @property
    def witnessed_at(self) -> int | None:
        """T, or None where no quorum tells it."""
        return self.quorum.time if isinstance(self.quorum, Quorum) else None


def _opened(parts: Mapping[str, Any], trust: Trust | None, now: int, status: Mapping[str, Any] | None) -> _Case:
    given = status is not None
    if status is not None:
        parts = {**parts, "status": _again(status)}
    head = log.read_head(parts.get("log"))
    return _Case(
        parts=parts,
        trust=trust,
        now=now,
        credential=_attempt(lambda: presented.read(parts.get("credential"))),
        chain=_attempt(lambda: accredited.read(parts.get("accreditation"))),
        head=head,
        tree=log.tree_of(head, parts.get("log"), trust),
        quorum=_attempt(lambda: log.find_quorum(head, trust)),
        status_given=given,
    )


def _parts(bundle: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts; a bundle that cannot be read is an empty one, and every step says what is missing."""
    if isinstance(bundle, Mapping):
        parts: Any = _again(bundle)
    else:
        try:
            parts = strict_json(bundle)
        except UnreadableError:
            parts = None
    return parts if isinstance(parts, dict) and parts.get("format") in BUNDLE_FORMATS else {}


def _again(parsed: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was parsed elsewhere, read again under this folder's bounds; nothing where it breaks them."""
    try:
        read: dict[str, Any] = strict_json(json.dumps(parsed))
    except (UnreadableError, TypeError, ValueError, RecursionError):
        return {}
    return read


def _attempt(read: Callable[[], Part]) -> Part | FindingError:
    try:
        return read()
    except FindingError as finding:
        return finding


def _known(part: Part | FindingError) -> Part:
    """Return a part that was read, or raise why it was not."""
    if isinstance(part, FindingError):
        raise part
    return part


def _run(check: Callable[[], Step]) -> Step:
    try:
        return check()
    except FindingError as finding:
        return step(finding.code, finding.evidence)


def _integrity(case: _Case, claims: dict[str, Any]) -> Step:
    credential = _known(case.credential)
    keys = () if isinstance(case.chain, FindingError) else case.chain[0].service_keys(ISSUER)
    claims.update(presented.check(credential, keys))
    return step("integrity_ok", {"suites": list(credential.tokens), "disclosures": len(claims)})


def _issuer(case: _Case) -> Step:
    chain, credential = _known(case.chain), case.credential
    if isinstance(credential, FindingError):
        raise FindingError("issuer_chain", "there is no credential that the chain could be about")
    school = accredited.check_same_school(chain, credential.issuer, member(case.parts.get("log"), "entry"))
    path = [claimed.issuer for claimed in chain]
    evidence: dict[str, Any] = {"entity_id": credential.issuer, "school_code": school.code, "chain": path}
    if case.trust is None:
        raise FindingError("issuer_no_trust", **evidence)
    at = case.witnessed_at
    roots = case.trust.roots
    accredited.check_issuer(chain, roots, case.tree, suites=credential.tokens, vct=credential.vct, at=at)
    if at is None:
        raise FindingError("issuer_no_trust", **evidence)
    if not credential.issued_at <= at <= credential.issued_at + BACKDATING:
        raise FindingError("issuer_backdated", time=iso(at), since=iso(credential.issued_at))
    return step("issuer_ok", evidence | {"time": iso(at)})


def _status(case: _Case) -> Step:
    credential = None if isinstance(case.credential, FindingError) else case.credential
    evidence = current_status.check(
        case.parts.get("status"), credential, case.tree, case.trust, now=case.now, given=case.status_given
    )
    return step("status_ok", evidence)


def _inclusion(case: _Case) -> Step:
    credential = None if isinstance(case.credential, FindingError) else case.credential
    evidence = log.check_inclusion(case.parts.get("log"), credential, case.head, case.tree, case.trust)
    return step("inclusion_ok" if case.trust else "inclusion_no_trust", evidence)


def _witnesses(case: _Case) -> Step:
    found = _known(case.quorum)
    evidence = {"witnesses": len(found.organisations), "quorum": found.required}
    return step("witnesses_ok", evidence | {"organisations": list(found.organisations), "time": iso(found.time)})


def _holder(case: _Case) -> Step:
    bound = case.parts.get("key_binding") is not None
    raise FindingError("holder_failed" if bound else "holder_not_bound")


def _described(case: _Case, claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """Describe the credential; names are those that the accreditation registers, never the school's own."""
    credential = case.credential
    if isinstance(credential, FindingError):
        return None
    chain = () if isinstance(case.chain, FindingError) else case.chain
    names = [claimed.names for claimed in chain]
    leaf = names[0] if names and names[0]["entity_id"] == credential.issuer else {}
    top = [{"entity_id": claimed.issuer, "name": None, "name_en": None} for claimed in chain[-1:]]
    return {
        "vct": credential.vct,
        "id": credential.jti,
        "issuer": {
            "code": _school_code(credential.issuer),
            "entity_id": credential.issuer,
            "name": leaf.get("name"),
            "name_en": leaf.get("name_en"),
            "chain": [*names[1:], *top],
        },
        "issued_on": iso(credential.issued_at)[:10],
        "claims": dict(claims),
    }


def _school_code(entity_id: str) -> str | None:
    try:
        entity = parse_entity_id(entity_id)
    except InvalidEntityError:
        return None
    return entity.code if entity.kind is Kind.SCHOOL else None
