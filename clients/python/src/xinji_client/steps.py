"""The seven steps. Each returns what it found or raises the finding that stopped it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from xinji_client import anchor, chain, sdjwt, status
from xinji_client.bundle import Log, part_of, read_log
from xinji_client.case import Case
from xinji_client.encoding import from_b64
from xinji_client.entry import CREDENTIAL, CREDENTIAL_TAG, ENTRY_BYTES, code_in, commitment
from xinji_client.errors import CheckFailed, FormatError, failing_as
from xinji_client.hashes import sm3
from xinji_client.report import Step
from xinji_client.times import iso
from xinji_client.trust import Tree
from xinji_client.witnesses import witnessed

BACKDATING = 30 * 86_400


def check_integrity(case: Case) -> Step:
    """Step 1: the credential is what the leaf's keys signed, in every suite, and shows only what they signed."""
    credential = case.credential
    if credential is None:
        raise case.unread["credential"]
    keys = case.statements[0].service_keys(chain.ISSUER) if case.statements else ()
    missing = sdjwt.check_signatures(credential, keys)
    sdjwt.compare_suites(credential)
    claims = sdjwt.open_disclosures(credential)
    case.claims = claims
    evidence = {
        "suites": [suite for suite in credential.tokens if suite not in missing],
        "keys": [token.key_id for token in credential.tokens.values()],
        "disclosures": len(claims),
    }
    if missing:
        return Step("integrity_engine_missing", evidence | {"missing_suites": list(missing)})
    return Step("integrity_ok", evidence)


def check_issuer(case: Case) -> Step:
    """Step 2: the province and those below it accredited the school, at T, for this type of credential."""
    # 2a. The leaf speaks of the credential's issuer, by one and the same code everywhere.
    if case.statements is None:
        raise case.unread["accreditation"]
    if case.credential is None:
        raise CheckFailed("issuer_chain", "there is no credential to which the chain belongs")
    credential, leaf = case.credential, case.statements[0]
    school = _check_same_school(credential, leaf, part_of(case.parts.get("log"), "entry"))

    # 2b. The chain leads up to a root, every link is signed and logged, and nobody exceeds what was allowed.
    suites = [*credential.tokens]
    if case.trust is None:
        raise CheckFailed("issuer_no_trust", entity_id=credential.issuer)
    root = chain.verify(case.statements, case.trust.roots, case.tree, kind=chain.ISSUER, suites=suites)
    check_leaf(leaf, school, credential.vct)

    # 2c. All of it at T, and the credential was logged soon after the day that it says it was issued.
    path = [statement.issuer for statement in case.statements]
    evidence = {"entity_id": credential.issuer, "school_code": school.code, "chain": path}
    at = case.witnessed_at
    if at is None:
        raise CheckFailed("issuer_no_trust", **evidence)
    chain.check_times(case.statements, root, at=at)
    if not credential.issued_at <= at <= credential.issued_at + BACKDATING:
        raise CheckFailed("issuer_backdated", time=iso(at), since=iso(credential.issued_at))
    return Step("issuer_ok", evidence | {"time": iso(at)})


def check_status(case: Case) -> Step:
    """Step 3: the province's status service says, freshly, that the credential holds."""
    part = case.parts.get("status")
    if case.credential is None:
        code = "status_mismatch" if isinstance(part, Mapping) else "status_missing"
        raise CheckFailed(code, "there is no credential to look up")
    where = {"uri": case.credential.status_uri, "index": case.credential.status_index}
    if case.trust is None:
        status.read(part, case.credential)
        raise CheckFailed("status_no_trust", **where)
    found = status.check(part, case.credential, trust=case.trust, tree=case.tree, now=case.now, given=case.status_given)
    evidence = where | {"as_of": iso(found.as_of), "valid_until": iso(found.valid_until), "state": found.state}
    if found.state == "valid":
        return Step("status_ok", evidence)
    if found.reason is not None and found.since is not None:
        evidence |= {"reason": found.reason, "since": iso(found.since)}
    return Step(f"status_{found.state}", evidence)


def check_inclusion(case: Case) -> Step:
    """Step 4: the log holds this credential, under a checkpoint that the log signed with all its keys."""
    log = read_log(case.parts.get("log"))
    known = case.trust.log(log.origin) if case.trust else None
    if case.trust and known is None:
        raise CheckFailed("inclusion_unknown_log", origin=log.origin)
    if case.checkpoint is None or case.checkpoint.origin != log.origin:
        raise CheckFailed(
            "inclusion_checkpoint_signature", "the checkpoint cannot be read or is of another log", origin=log.origin
        )
    with failing_as("inclusion_checkpoint_signature", origin=log.origin):
        for key in known.keys if known else ():
            case.checkpoint.verify_log(key)
    if known and known.outlives_itself(case.checkpoint):
        raise CheckFailed("inclusion_beyond_final", origin=log.origin, tree_size=case.checkpoint.size)
    committed = _check_entry(case, log)
    evidence = {
        "origin": log.origin,
        "index": log.index,
        "tree_size": case.checkpoint.size,
        "commitment": committed.hex(),
    }
    with failing_as("inclusion_proof", **evidence):
        index, path = chain.proof({"index": log.index, "path": log.path})
        Tree(known.hash if known else sm3, case.checkpoint).verify(from_b64(log.entry), index, path)
    return Step("inclusion_ok" if case.trust else "inclusion_no_trust", evidence)


def check_witnesses(case: Case) -> Step:
    """Step 5: enough organisations saw the checkpoint. T is when the quorum was complete."""
    seen = witnessed(case.trust, case.checkpoint)
    case.witnessed_at = seen.time
    return Step("witnesses_ok", seen.evidence)


def check_anchor(case: Case) -> Step:
    """Step 6: the anchor does not contradict the checkpoint, and the verifier's own node, if asked, confirms it."""
    return anchor.check(case.parts.get("anchor"), case.checkpoint, case.tree, case.trust, case.node)


def check_holder(case: Case) -> Step:
    """Step 7: nobody is bound yet; what poses as a binding cannot answer a nonce that was never sent."""
    if case.parts.get("key_binding") is None:
        raise CheckFailed("holder_not_bound")
    raise CheckFailed("holder_failed", "this verifier sent no nonce")


def _check_same_school(credential: sdjwt.Credential, leaf: chain.Statement, entry: Any) -> chain.Entity:
    """Return the school that iss, leaf and log entry all name."""
    seen = f"iss {credential.issuer}, statement {leaf.subject.entity_id}"
    metadata = leaf.metadata(chain.ISSUER)
    with failing_as("issuer_not_accredited", entity_id=credential.issuer):
        school = chain.entity(credential.issuer)
    if metadata is None or school.kind != "school":
        raise CheckFailed("issuer_not_accredited", seen, entity_id=credential.issuer)
    if leaf.subject.code != school.code:
        raise CheckFailed("issuer_code_mismatch", seen)
    if leaf.subject != school:
        raise CheckFailed("issuer_not_accredited", seen, entity_id=credential.issuer)
    logged = None
    with suppress(FormatError):  # Its form is the inclusion step's.
        logged = code_in(from_b64(entry))
    if metadata.get("school_code") != [school.code] or logged not in {None, school.code}:
        raise CheckFailed("issuer_code_mismatch", f"{seen}, metadata {metadata.get('school_code')}, log entry {logged}")
    return school


def check_leaf(leaf: chain.Statement, school: chain.Entity, vct: str | None) -> None:
    """Check what the leaf says of the school against its code, whose digits 1-2 are its type and 3-4 its province."""
    metadata = leaf.metadata(chain.ISSUER) or {}
    if metadata.get("school_type") != [school.code[:2]]:
        raise CheckFailed(
            "issuer_not_accredited", "the type of school is not that of its code", school_code=school.code
        )
    if metadata.get("province") != [school.province]:
        raise CheckFailed("issuer_province", "the province is not that of the school's code", school_code=school.code)
    types = metadata.get("credential_types")
    if not isinstance(types, list) or (vct is not None and vct not in types):
        raise CheckFailed("issuer_type", vct or "")


def _check_entry(case: Case, log: Log) -> bytes:
    """Return the credential's commitment, which the entry must hold."""
    if case.credential is None:
        raise CheckFailed("inclusion_proof", "there is no credential to which the entry belongs")
    tokens = {suite: token.text for suite, token in case.credential.tokens.items()}
    with failing_as("inclusion_entry_mismatch", origin=log.origin):
        encoded = from_b64(log.entry)
        code = chain.entity(case.credential.issuer).code
    committed = commitment(CREDENTIAL_TAG, code, tokens)
    if len(encoded) != ENTRY_BYTES or encoded[0] != CREDENTIAL or encoded[11:] != committed:
        raise CheckFailed("inclusion_entry_mismatch", origin=log.origin, commitment=committed.hex())
    return committed
