"""Accreditation: OpenID Federation 1.0 subordinate statements from a root of the trust file down to the signer.

A chain is judged at a given time, which for credentials is the witnessed time T and not
today: a named deviation from the standard. Every statement stands in the log. Knows nothing
of credentials; the leaf is a school or a province's status service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from xinji_client.encoding import canonical, from_b64
from xinji_client.entry import ACCREDITATION, ACCREDITATION_TAG, commitment, entry
from xinji_client.errors import CheckFailed, FormatError, ProofError, failing_as
from xinji_client.jws import Token, integer_of, parse, text_of, texts_of
from xinji_client.keys import SUITES, Key, keys
from xinji_client.times import iso
from xinji_client.trust import Root, Tree

TYP = "entity-statement+jwt"
STATUS_TYP = "xinji-statement-status+jwt"
ISSUER, STATUS_PROVIDER = "xinji_credential_issuer", "xinji_status_provider"
MAX_STATEMENTS = 5
MAX_PATH = 63
_LIMITED = ("province", "school_type", "credential_types")
_HASH_BYTES = 32

# One spelling only: an identifier is compared as text.
_ENTITY = re.compile(
    r"https?://[a-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~-]+)*"
    r"/(?:schools/(?P<school>[0-9]{10})|authorities/(?P<authority>[0-9]{6})(?P<status>/status)?)"
)


@dataclass(frozen=True, slots=True)
class Entity:
    """What an entity identifier says. `code` has the 10 digits that log entries carry."""

    entity_id: str
    kind: str
    code: str
    province: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A superior's word on its subordinate, parsed; whether it is signed and logged is checked in `verify`."""

    tokens: Mapping[str, Token]
    payload: Mapping[str, Any]
    issuer: str
    subject: Entity
    federation_keys: tuple[Key, ...]
    commitment: bytes
    proof: Any
    status: Any

    def metadata(self, kind: str) -> Mapping[str, Any] | None:
        """Return the metadata of one entity type, None where there is none."""
        metadata = self.payload.get("metadata")
        found = metadata.get(kind) if isinstance(metadata, dict) else None
        return found if isinstance(found, dict) else None

    def service_keys(self, kind: str) -> tuple[Key, ...]:
        """Return the keys in the metadata: they sign credentials or status lists, never statements."""
        metadata = self.metadata(kind) or {}
        try:
            return keys(metadata.get("jwks"))
        except FormatError:
            return ()

    @property
    def names(self) -> dict[str, str | None]:
        """The subject's identifier, and the names that its superior registers it under."""
        registered = self.metadata("federation_entity") or {}
        zh, en = (registered.get(name) for name in ("organization_name", "organization_name#en"))
        zh = zh if isinstance(zh, str) and zh else None
        return {"entity_id": self.subject.entity_id, "name": zh, "name_en": en if isinstance(en, str) and en else zh}


def entity(entity_id: object) -> Entity:
    """Read an entity identifier.

    Raises:
        FormatError: It has none of the three forms.
    """
    found = _ENTITY.fullmatch(entity_id) if isinstance(entity_id, str) and len(entity_id) <= 255 else None  # noqa: PLR2004 - a bound
    if found is None:
        raise FormatError("not the identifier of a school, an authority or a status service")
    if found["school"]:
        return Entity(found[0], "school", found["school"], found["school"][2:4])
    code = found["authority"]
    return Entity(found[0], "status" if found["status"] else "authority", code.rjust(10, "0"), code[:2])


def read(part: Any) -> tuple[Statement, ...]:
    """Read a list of statements as a bundle carries it, leaf first, without checking signatures.

    Raises:
        CheckFailed: `issuer_chain`: none, too many, or one that is not in its form.
    """
    if not isinstance(part, list) or not 0 < len(part) <= MAX_STATEMENTS:
        raise CheckFailed("issuer_chain", f"a chain has 1 to {MAX_STATEMENTS} statements")
    with failing_as("issuer_chain"):
        return tuple(_statement(item) for item in part)


def _statement(item: Any) -> Statement:
    tokens, payload = both_suites(item, TYP)
    subject = entity(payload.get("sub"))
    if integer_of(payload, "iat") >= integer_of(payload, "exp"):
        raise FormatError("a statement expires after it is made")
    if "crit" in payload or "metadata_policy_crit" in payload:
        raise FormatError("a statement with critical claims that this verifier does not know")
    return Statement(
        tokens=tokens,
        payload=payload,
        issuer=text_of(payload, "iss"),
        subject=subject,
        federation_keys=keys(payload.get("jwks")),
        commitment=commitment(ACCREDITATION_TAG, subject.code, {suite: token.text for suite, token in tokens.items()}),
        proof=item.get("proof"),
        status=item.get("status"),
    )


def both_suites(item: Any, typ: str) -> tuple[dict[str, Token], dict[str, Any]]:
    """Read one thing said in one or both suites: the tokens, and the payload they share.

    Raises:
        FormatError: No suite, a token not in its form, or suites that do not say the same.
    """
    if not isinstance(item, dict):
        raise FormatError("a statement must be an object")
    tokens = {suite: parse(item[suite], suite=suite, typ=typ) for suite in SUITES if item.get(suite) is not None}
    if len({canonical(token.payload) for token in tokens.values()}) != 1:
        raise FormatError("a statement has one payload, the same in every suite")
    return tokens, next(iter(tokens.values())).payload


def verify(
    statements: Sequence[Statement], roots: Sequence[Root], tree: Tree | None, *, kind: str, suites: Iterable[str]
) -> Root:
    """Check everything about `statements` that needs no time. Return the root they hang from.

    Args:
        statements: Leaf first.
        roots: Those of the trust file.
        tree: The head that inclusion proofs lead to; None where there is no readable one of a known log.
        kind: The metadata type of the leaf whose limits count.
        suites: What the signer's own documents come in; every statement must come in them too.

    Raises:
        CheckFailed: With the code of the first thing that does not hold.
    """
    # 1. Each statement's issuer is the subject of the one above; the last comes from a root of the trust file.
    for statement, above in pairwise(statements):
        if statement.issuer != above.subject.entity_id:
            raise CheckFailed("issuer_chain", f"{statement.issuer} does not continue {above.subject.entity_id}")
    root = next((root for root in roots if root.entity_id == statements[-1].issuer), None)
    if root is None:
        raise CheckFailed("issuer_unknown_root", f"{statements[-1].issuer} is no root of the trust file")

    # 2. Each statement is signed, in every suite, by the federation keys of the one above it.
    wanted = set(suites)
    for statement, signers in zip(statements, _signers(statements, root), strict=True):
        if not wanted <= statement.tokens.keys():
            raise CheckFailed("issuer_chain", f"the statement about {statement.subject.entity_id} lacks a suite")
        _check_signed(statement.tokens, signers)
    _check_kinds(statements)

    # 3. Nobody accredits further down, wider or for another province than the superiors allow.
    for below, statement in enumerate(statements):
        _check_limits(statement, statements[0], below=below, kind=kind)
        if statement.subject.province not in root.provinces:
            raise CheckFailed("issuer_province", f"the root does not answer for {statement.subject.entity_id}")

    # 4. Each statement stands in the log: what nobody could see accredits nobody.
    for statement in statements:
        _check_logged(statement, tree)
    return root


def check_times(statements: Sequence[Statement], root: Root, *, at: int) -> None:
    """Check that every statement was in force at `at`, and neither retired nor compromised by then.

    Raises:
        CheckFailed: `issuer_expired`, `issuer_compromised`, or `issuer_chain` for a bad status.
    """
    for statement, signers in zip(statements, _signers(statements, root), strict=True):
        who = statement.subject.entity_id
        if not statement.payload["iat"] <= at < statement.payload["exp"]:
            raise CheckFailed("issuer_expired", f"the statement about {who} was not in force", entity_id=who)
        if statement.status is not None:
            _check_status(statement, signers, at=at)


def _signers(statements: Sequence[Statement], root: Root) -> list[tuple[Key, ...]]:
    """Return for each statement the keys that must have signed it: those of the one above."""
    return [*(above.federation_keys for above in statements[1:]), root.keys]


def _check_kinds(statements: Sequence[Statement]) -> None:
    for above in statements[1:]:
        if above.subject.kind != "authority":
            raise CheckFailed("issuer_chain", f"{above.subject.entity_id} accredits nobody")
    seen = [statement.subject.entity_id for statement in statements] + [statements[-1].issuer]
    if len(set(seen)) != len(seen):
        raise CheckFailed("issuer_chain", "somebody stands twice in the chain")


def _check_signed(tokens: Mapping[str, Token], signers: Sequence[Key]) -> None:
    for suite, token in tokens.items():
        with failing_as("issuer_chain", suites=[suite]):
            token.verify(signers)


def _check_limits(statement: Statement, leaf: Statement, *, below: int, kind: str) -> None:
    """Apply what a statement's issuer allows to the leaf. `below` authorities stand between the two."""
    with failing_as("issuer_chain"):
        allowed = _policy(statement.payload.get("metadata_policy", {}), kind)
        longest = _max_path_length(statement.payload.get("constraints", {}))
    if below and (longest is None or (kind == ISSUER and any(name not in allowed for name in _LIMITED))):
        raise CheckFailed("issuer_chain", f"{statement.subject.entity_id} is not limited")
    if longest is not None and below > longest:
        raise CheckFailed("issuer_chain", f"{below} authorities below {statement.issuer}, {longest} allowed")
    claimed = leaf.metadata(kind) or {}
    for name, values in allowed.items():
        with failing_as("issuer_not_accredited"):
            within = set(texts_of(dict(claimed), name)) <= set(values)
        if not within:
            code = {"credential_types": "issuer_type", "province": "issuer_province"}.get(name, "issuer_not_accredited")
            raise CheckFailed(code, f"{name} goes beyond what {statement.issuer} allows")


def _policy(part: Any, kind: str) -> dict[str, tuple[str, ...]]:
    """Return parameter → allowed values. Only `subset_of` is understood, so only it is obeyed: others are refused."""
    if not isinstance(part, dict):
        raise FormatError("metadata_policy must be an object")
    limits = part.get(kind, {})
    if not isinstance(limits, dict):
        raise FormatError("a metadata policy must be an object")
    allowed = {}
    for name, operators in limits.items():
        if not isinstance(operators, dict) or operators.keys() != {"subset_of"}:
            raise FormatError(f"the policy of {name} is not a subset_of")
        allowed[name] = tuple(texts_of(operators, "subset_of"))
    return allowed


def _max_path_length(part: Any) -> int | None:
    if not isinstance(part, dict) or part.keys() - {"max_path_length"}:
        raise FormatError("constraints other than max_path_length")
    return integer_of(part, "max_path_length") if part else None


def _check_logged(statement: Statement, tree: Tree | None) -> None:
    with failing_as("issuer_unlogged", entity_id=statement.subject.entity_id):
        if tree is None:
            raise ProofError("there is no checkpoint to prove it against")
        index, path = proof(statement.proof)
        tree.verify(entry(ACCREDITATION, statement.subject.code, statement.commitment), index, path)


def proof(part: Any) -> tuple[int, tuple[bytes, ...]]:
    """Read an inclusion proof: the leaf's index and the path.

    Raises:
        FormatError: It is absent or not in its form.
    """
    if not isinstance(part, dict) or not isinstance(part.get("path"), list) or len(part["path"]) > MAX_PATH:
        raise FormatError(f"a proof is an index and a path of at most {MAX_PATH} hashes")
    path = tuple(from_b64(node) for node in part["path"])
    if any(len(node) != _HASH_BYTES for node in path):
        raise FormatError("a hash of a path has 32 bytes")
    return integer_of(part, "index"), path


def _check_status(statement: Statement, signers: Sequence[Key], *, at: int) -> None:
    """Raise where the statement's later status reaches `at`.

    Whether the status is logged is not asked: it can lie long after the bundle's checkpoint,
    and it can only take away.
    """
    who = statement.subject.entity_id
    with failing_as("issuer_chain", entity_id=who):
        tokens, payload = both_suites(statement.status, STATUS_TYP)
        about = (payload.get("iss"), payload.get("sub"), payload.get("statement"))
        if about != (statement.issuer, who, statement.commitment.hex()):
            raise FormatError("the status belongs to another statement")
        state, since = text_of(payload, "state"), integer_of(payload, "since")
        if state not in {"retired", "compromised"}:
            raise FormatError("a statement is retired or compromised")
    _check_signed(tokens, signers)
    if since <= at:
        code = "issuer_compromised" if state == "compromised" else "issuer_expired"
        raise CheckFailed(code, f"{who} is {state}", entity_id=who, since=iso(since))
