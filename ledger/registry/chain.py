"""Is this issuer accredited at this time? A chain of statements, from a root of the trust file down.

Pure: tokens in, an accredited issuer out, or an error that says why not. Knows no database,
no network and no present time: the time that counts is when witnesses saw the credential,
so a chain is judged then (a named deviation from OpenID Federation 1.0 §10.2, which judges
it now). That each statement is in the log is checked elsewhere, with the log's other proofs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from crypto.errors import CryptoError
from crypto.jose import SUITE_ALG, peek, verify_jwt
from crypto.keys import PublicKey
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.registry import statement_status
from ledger.registry.entities import Entity, Kind, parse_entity_id
from ledger.registry.errors import (
    AccreditationExpiredError,
    BrokenLinkError,
    CodeMismatchError,
    CredentialTypeNotAllowedError,
    MissingKeyError,
    NotYetAccreditedError,
    PathTooLongError,
    ProvinceNotAllowedError,
    SchoolTypeNotAllowedError,
    StatementCompromisedError,
    StatementRetiredError,
    StatementSignatureError,
    UnknownRootError,
)
from ledger.registry.policy import apply, merge_all
from ledger.registry.statement import ISSUER, STATUS_PROVIDER, TYP, Names, Statement, parse_statement
from ledger.registry.statement_status import State, StatementStatus, parse_status

LONGEST: Final = 8
"""Statements in a chain that are looked at at all; a province's own limit allows three."""
LONGEST_TOKEN: Final = 64 * 1024
_BEYOND: Final = {
    "school_code": CodeMismatchError,
    "province": ProvinceNotAllowedError,
    "school_type": SchoolTypeNotAllowedError,
    "credential_types": CredentialTypeNotAllowedError,
}


class Root(NamedTuple):
    """A root of the trust file: whose federation keys are trusted, and for which provinces."""

    entity_id: str
    provinces: tuple[str, ...]
    keys: tuple[PublicKey, ...]


class Link(NamedTuple):
    """One statement as a bundle carries it: its token in each suite, and its later status if any."""

    tokens: Mapping[str, str]
    status: Mapping[str, str] | None = None

    def commitment(self, subject: Entity) -> bytes:
        """Return the commitment that stands for this statement in the log."""
        return commit(ACCREDITATION, subject.log_code, self.tokens)


class PathNode(NamedTuple):
    """An organisation on the way up, as its superior names it; a root is known by its identifier only."""

    entity_id: str
    names: Names | None


@dataclass(frozen=True, slots=True)
class Accredited:
    """An issuer that stood accredited at the time asked for."""

    code: str
    entity_id: str
    keys: tuple[PublicKey, ...]
    """The suite's keys that may sign its credentials."""
    credential_types: tuple[str, ...]
    names: Names
    path: tuple[PathNode, ...]
    """From the school up to the root."""

    def require_type(self, vct: str) -> None:
        """Raise `CredentialTypeNotAllowedError` unless the issuer may issue credentials of type `vct`."""
        if vct not in self.credential_types:
            raise CredentialTypeNotAllowedError(f"{self.entity_id} may not issue {vct}", code=self.code)


@dataclass(frozen=True, slots=True)
class AccreditedStatusService:
    """A status service that stood accredited at the time asked for."""

    entity_id: str
    keys: tuple[PublicKey, ...]
    provinces: tuple[str, ...]


def verify_chain(links: Sequence[Link], roots: Sequence[Root], *, at: datetime, suite: str) -> Accredited:
    """Return the school that `links` accredit at `at`, checked with the algorithms of `suite`.

    Args:
        links: The statements from the school upwards; the last one's issuer is a root.
        roots: The roots of the trust file.
        at: The time that counts.
        suite: "gm" or "intl".

    Raises:
        ChainError: The chain does not hold; the class and its code say why.
        InvalidStatementError, InvalidEntityError, UnsupportedPolicyError: A statement has not the right form.
    """
    statements, root = _verify_path(links, roots, at=int(at.timestamp()), suite=suite)
    leaf = statements[0]
    school = leaf.subject
    if school.kind is not Kind.SCHOOL or leaf.names is None:
        raise BrokenLinkError(f"{school.entity_id} is not a school")

    # What the school's own superior claims for it fits its code, and nothing of it goes beyond
    # what the superiors above allow. The standard would cut such a claim down to what is allowed
    # (OpenID Federation 1.0 §6.1.3.1); a superior that claims too much has made a mistake or
    # worse, so here it fails.
    claimed = leaf.metadata[ISSUER]
    if list(claimed["school_code"]) != [school.code]:
        raise CodeMismatchError("the metadata names another school than the identifier", code=school.code)
    if list(claimed["province"]) != [school.province] or list(claimed["school_type"]) != [school.school_type]:
        raise CodeMismatchError("the metadata does not fit the school's code", code=school.code)
    policy = merge_all(statement.policy for statement in reversed(statements))
    allowed = apply(policy, ISSUER, claimed)
    for name, error in _BEYOND.items():
        if list(allowed[name]) != list(claimed[name]):
            raise error(f"the {name} of {school.entity_id} goes beyond what its superiors allow", code=school.code)
    return Accredited(
        code=school.code,
        entity_id=school.entity_id,
        keys=_of_suite(leaf.service_keys, suite),
        credential_types=tuple(claimed["credential_types"]),
        names=leaf.names,
        path=_path(statements, root),
    )


def verify_status_service(
    links: Sequence[Link], roots: Sequence[Root], *, at: datetime, suite: str
) -> AccreditedStatusService:
    """Return the status service that `links` accredit at `at`; raises as `verify_chain` does."""
    statements, _ = _verify_path(links, roots, at=int(at.timestamp()), suite=suite)
    leaf = statements[0]
    if leaf.subject.kind is not Kind.STATUS:
        raise BrokenLinkError(f"{leaf.subject.entity_id} is not a status service")
    claimed = leaf.metadata[STATUS_PROVIDER]
    if list(claimed["province"]) != [leaf.subject.province]:
        raise CodeMismatchError("the status service answers for another province", code=leaf.subject.code)
    policy = merge_all(statement.policy for statement in reversed(statements))
    if apply(policy, STATUS_PROVIDER, claimed)["province"] != list(claimed["province"]):
        raise ProvinceNotAllowedError("a superior does not answer for the province", province=leaf.subject.province)
    keys = _of_suite(leaf.service_keys, suite)
    return AccreditedStatusService(leaf.subject.entity_id, keys, (leaf.subject.province,))


def _verify_path(links: Sequence[Link], roots: Sequence[Root], *, at: int, suite: str) -> tuple[list[Statement], Root]:
    """Verify every statement from the root down; return them from the leaf up, and the root."""
    # 1. The chain has a beginning, an end and a reasonable length.
    if not 0 < len(links) <= LONGEST:
        raise BrokenLinkError(f"a chain of {len(links)} statements")
    root = _root_of(links[-1], roots, suite)

    superior, keys, seen = root.entity_id, root.keys, {root.entity_id}
    statements: list[Statement] = []
    for below in range(len(links) - 1, -1, -1):
        link = links[below]
        # 2. The superior signed it, with a federation key that its own superior (or the trust file) names.
        statement = parse_statement(_verified(link.tokens, keys, suite, typ=TYP))
        # 3. It speaks in the superior's name, of somebody not yet on the path.
        if statement.issuer.entity_id != superior or statement.subject.entity_id in seen:
            raise BrokenLinkError(f"{statement.issuer.entity_id} does not continue {superior}")
        if below and statement.subject.kind is not Kind.AUTHORITY:
            raise BrokenLinkError(f"{statement.subject.entity_id} accredits nobody")
        # 4. It was in force at the time that counts.
        _check_time(statement, at)
        if link.status is not None:
            _check_status(link, statement, keys, at=at, suite=suite)
        # 5. `below` authorities stand between its issuer and the leaf.
        if statement.max_path_length is not None and below > statement.max_path_length:
            raise PathTooLongError(f"{below} authorities below {superior}", entity=superior)
        # 6. The root answers for the subject's province.
        if statement.subject.province not in root.provinces:
            raise ProvinceNotAllowedError(
                f"the root does not answer for {statement.subject.entity_id}", province=statement.subject.province
            )
        statements.append(statement)
        superior, keys = statement.subject.entity_id, statement.federation_keys
        seen.add(superior)
    return statements[::-1], root


def _root_of(link: Link, roots: Sequence[Root], suite: str) -> Root:
    """Return the root that the last statement says it comes from; the signature is checked later."""
    try:
        _, payload = peek(_token(link.tokens, suite))
    except CryptoError as error:
        raise StatementSignatureError("the last statement is no token") from error
    issuer = parse_entity_id(payload.get("iss"))
    for root in roots:
        if root.entity_id == issuer.entity_id:
            return root
    raise UnknownRootError(f"{issuer.entity_id} is not a root of the trust file", entity=issuer.entity_id)


def _verified(tokens: Mapping[str, str], keys: Sequence[PublicKey], suite: str, *, typ: str) -> dict[str, Any]:
    """Return the payload of the suite's token; the other suite's must say the same."""
    try:
        payload = verify_jwt(_token(tokens, suite), _of_suite(keys, suite), typ=typ, algs=(SUITE_ALG[suite],))
        if any(peek(token)[1] != payload for token in tokens.values()):
            raise StatementSignatureError("a statement's suites say different things")
    except CryptoError as error:
        raise StatementSignatureError(f"the {typ} is not signed by its issuer: {error}") from error
    return payload


def _check_time(statement: Statement, at: int) -> None:
    if at < statement.issued_at:
        raise NotYetAccreditedError(
            f"{statement.subject.entity_id} was accredited later", entity=statement.subject.entity_id
        )
    if at >= statement.expires_at:  # On or after it (RFC 7519 §4.1.4).
        raise AccreditationExpiredError(
            f"the accreditation of {statement.subject.entity_id} had expired", entity=statement.subject.entity_id
        )


def _check_status(link: Link, statement: Statement, keys: Sequence[PublicKey], *, at: int, suite: str) -> None:
    """Raise where the statement's later status reaches the time that counts."""
    status: StatementStatus = parse_status(_verified(link.status or {}, keys, suite, typ=statement_status.TYP))
    speaks_of_it = status.issuer == statement.issuer and status.subject == statement.subject
    if not speaks_of_it or status.statement != link.commitment(statement.subject):
        raise BrokenLinkError("the status belongs to another statement")
    if at < status.since:
        return
    entity = statement.subject.entity_id
    if status.state is State.COMPROMISED:
        raise StatementCompromisedError(f"the keys of {entity} were compromised by then", entity=entity)
    raise StatementRetiredError(f"the accreditation of {entity} had been retired by then", entity=entity)


def _token(tokens: Mapping[str, str], suite: str) -> str:
    if suite not in tokens:
        raise MissingKeyError(f"a statement lacks the suite {suite}", suite=suite)
    if any(len(token) > LONGEST_TOKEN for token in tokens.values()):
        raise StatementSignatureError("a statement is longer than any that is made here")
    return tokens[suite]


def _of_suite(keys: Sequence[PublicKey], suite: str) -> tuple[PublicKey, ...]:
    chosen = tuple(key for key in keys if key.alg == SUITE_ALG[suite])
    if not chosen:
        raise MissingKeyError(f"no key of the suite {suite}", suite=suite)
    return chosen


def _path(statements: Sequence[Statement], root: Root) -> tuple[PathNode, ...]:
    nodes = [PathNode(statement.subject.entity_id, statement.names) for statement in statements]
    return (*nodes, PathNode(root.entity_id, None))
