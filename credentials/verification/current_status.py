"""The status of the credential in a bundle: its province's lists, fresh and signed, and the reason beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from credentials.errors import InvalidStatusListError
from credentials.status_list import BITS, STATEMENT_TYP, TYP, Status, decompress, status_at
from credentials.verification import accredited
from credentials.verification.accredited import Claimed
from credentials.verification.findings import FindingError, UnreadableError, found_as
from credentials.verification.log import Tree, open_status_log
from credentials.verification.presented import Presented
from credentials.verification.reading import LAST_SECOND, key_id_of, number, read_pair, read_token, text
from credentials.verification.report import iso
from credentials.verification.trust import Trust
from crypto.jose import SUITE_ALG, verify_jwt
from crypto.keys import PublicKey
from kernel.errors import XinjiError
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import STATUS_PROVIDER

CLOCK_SKEW: Final = 300

Payloads = Mapping[str, Mapping[str, Any]]


def check(
    part: object, credential: Presented | None, tree: Tree | None, trust: Trust | None, *, now: int, given: bool = False
) -> dict[str, Any]:
    """Return the evidence that the credential holds.

    Args:
        part: The status of a bundle, or a fresh one.
        credential: Whose status it is.
        tree: Under the credential's checkpoint; the signer's accreditation lies there unless `part` names a `log`.
        trust: Whom the verifier believes.
        now: POSIX seconds.
        given: Whether the verifier brought `part` itself: its lists may be younger than its `log`, and
            signed with a newer key.

    Raises:
        FindingError: `status_revoked` and its like, or why its status is not known.
    """
    if not isinstance(part, Mapping):
        raise FindingError("status_missing")
    if credential is None:
        raise FindingError("status_mismatch", "there is no credential to look up")
    # 1. A list for each suite of the credential; those that it names, in agreement.
    lists = _lists(part, credential)
    state = _state(lists, credential)
    as_of, until = min(p["iat"] for p in lists.values()), min(p["exp"] for p in lists.values())
    evidence = {
        "uri": credential.status_uri,
        "index": credential.status_index,
        "as_of": iso(as_of),
        "valid_until": iso(until),
    }
    # 2. Signed by the province's status service, which was accredited when it signed.
    if trust is None:
        raise FindingError("status_no_trust", **evidence)
    latest = max(p["iat"] for p in lists.values())
    if part.get("log") is not None:
        tree = open_status_log(part["log"], trust, listed_at=None if given else latest)
    chain = _chain(part, lists, tree, trust, at=as_of)
    keys = chain[0].service_keys(STATUS_PROVIDER)
    if given and not {key_id_of(part[suite]) for suite in lists} <= {key.key_id for key in keys}:
        raise FindingError("status_key_unknown", **evidence)
    signer = _signer(part, lists, credential, chain[0], keys)
    # 3. Fresh.
    if now >= until or latest > now + CLOCK_SKEW:
        raise FindingError("status_stale", **evidence)
    if state is Status.VALID:
        return evidence | {"state": "valid"}
    reason = _reason(part.get("statement"), signer, keys, credential, state)
    name = state.name.lower()
    raise FindingError(f"status_{name}", **evidence, state=name, **reason)


def _lists(part: Mapping[str, Any], credential: Presented) -> Payloads:
    if any(part.get(suite) is None for suite in credential.tokens):
        raise FindingError("status_missing", "a suite of the credential has no list")
    with found_as("status_mismatch", uri=credential.status_uri):
        payloads = {suite: read_token(part[suite], suite=suite, typ=TYP) for suite in credential.tokens}
        for payload in payloads.values():
            number(payload, "iat", limit=LAST_SECOND)
            number(payload, "exp", limit=LAST_SECOND)
            if text(payload, "sub") != credential.status_uri or part.get("uri") != credential.status_uri:
                raise UnreadableError("not the list that the credential names")
    return payloads


def _state(lists: Payloads, credential: Presented) -> Status:
    with found_as("status_mismatch", index=credential.status_index):
        states = {_look_up(payload, credential.status_index) for payload in lists.values()}
        if len(states) > 1:
            raise InvalidStatusListError("the suites' lists differ")
        return Status(states.pop())


def _look_up(payload: Mapping[str, Any], index: int) -> int:
    listed = payload.get("status_list")
    if not isinstance(listed, dict) or listed.get("bits") != BITS:
        raise InvalidStatusListError(f"not a list of {BITS} bits")
    return status_at(decompress(text(listed, "lst")), index)


def _chain(part: Mapping[str, Any], lists: Payloads, tree: Tree | None, trust: Trust, *, at: int) -> Sequence[Claimed]:
    """Return the chain that accredits the status service."""
    try:
        chain = accredited.read(part.get("accreditation"))
        accredited.check_status_service(chain, trust.roots, tree, suites=lists, at=at)
    except FindingError as finding:
        raise FindingError("status_signature", str(finding)) from finding
    return chain


def _signer(
    part: Mapping[str, Any], lists: Payloads, credential: Presented, leaf: Claimed, keys: Sequence[PublicKey]
) -> str:
    """Return the status service, which signed all lists."""
    service = leaf.subject
    with found_as("status_signature"):
        # Only the province itself keeps its lists: a county's keys must not speak for every school.
        province = parse_entity_id(credential.issuer).province
        if service.code != f"{province}0000":
            raise UnreadableError(f"{service.entity_id} is not the status service of province {province}")
        for suite, payload in lists.items():
            verify_jwt(part[suite], keys, typ=TYP, algs=(SUITE_ALG[suite],))
            if payload.get("iss") != service.entity_id:
                raise UnreadableError("the list speaks in another's name")
    return service.entity_id


def _reason(
    part: object, signer: str, keys: Sequence[PublicKey], credential: Presented, state: Status
) -> dict[str, str]:
    """Return reason and time of a statement that is signed and agrees with the list; nothing otherwise."""
    try:
        tokens, payload = read_pair(part, typ=STATEMENT_TYP)
        for suite, token in tokens.items():
            verify_jwt(token, keys, typ=STATEMENT_TYP, algs=(SUITE_ALG[suite],))
        if (payload.get("iss"), payload.get("jti"), payload.get("status")) != (signer, credential.jti, int(state)):
            return {}
        return {"reason": text(payload, "reason"), "since": iso(number(payload, "at", limit=LAST_SECOND))}
    except XinjiError:
        return {}
