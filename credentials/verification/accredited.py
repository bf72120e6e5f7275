"""The chain of statements in a bundle, judged by `ledger.registry.chain`; its order, log proofs and codes stand here.

The registry judges a chain at a time. Where no time is known, the chain is still judged for
everything else: at a moment when all its statements were in force, without what became of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from credentials.verification.findings import FindingError, UnreadableError, found_as
from credentials.verification.log import Tree, read_proof
from credentials.verification.reading import LAST_SECOND, member, number, read_pair, text
from crypto.encoding import from_b64
from crypto.errors import CryptoError
from crypto.keys import PublicKey, public_key
from kernel.errors import XinjiError
from ledger.formats.entry import Entry, EntryType
from ledger.registry import statement_status
from ledger.registry.chain import Link, Root, verify_chain, verify_status_service
from ledger.registry.entities import Entity, Kind, parse_entity_id
from ledger.registry.errors import (
    AccreditationExpiredError,
    CodeMismatchError,
    CredentialTypeNotAllowedError,
    NotYetAccreditedError,
    ProvinceNotAllowedError,
    RegistryError,
    SchoolTypeNotAllowedError,
    StatementCompromisedError,
    StatementRetiredError,
    UnknownRootError,
)
from ledger.registry.statement import FEDERATION, ISSUER, TYP

LONGEST: Final = 8
_CODE_OF: Final[Mapping[type[XinjiError], str]] = {
    UnknownRootError: "issuer_unknown_root",
    NotYetAccreditedError: "issuer_expired",
    AccreditationExpiredError: "issuer_expired",
    StatementRetiredError: "issuer_expired",
    StatementCompromisedError: "issuer_compromised",
    ProvinceNotAllowedError: "issuer_province",
    SchoolTypeNotAllowedError: "issuer_not_accredited",
    CredentialTypeNotAllowedError: "issuer_type",
    CodeMismatchError: "issuer_code_mismatch",
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """One statement of a bundle, read but not verified; `later`, what became of it, is not even read."""

    link: Link
    payload: Mapping[str, Any]
    issuer: str
    subject: Entity
    proof: object
    later: object

    @property
    def names(self) -> dict[str, str | None]:
        """The subject, by its identifier and the names that its superior registers."""
        registered = member(self.payload.get("metadata"), FEDERATION)
        zh, en = member(registered, "organization_name"), member(registered, "organization_name#en")
        zh = zh if isinstance(zh, str) and zh else None
        return {"entity_id": self.subject.entity_id, "name": zh, "name_en": en if isinstance(en, str) and en else zh}

    def service(self, kind: str) -> Mapping[str, Any] | None:
        """Return the metadata of one entity type."""
        found = member(self.payload.get("metadata"), kind)
        return found if isinstance(found, Mapping) else None

    def service_keys(self, kind: str) -> tuple[PublicKey, ...]:
        """Return the keys in that metadata; none where they cannot be read."""
        jwks = member(member(self.service(kind), "jwks"), "keys")
        try:
            return tuple(public_key(jwk) for jwk in jwks) if isinstance(jwks, list) else ()
        except (CryptoError, AttributeError):
            return ()


def read(part: object) -> tuple[Claimed, ...]:
    """Read the statements of a bundle, the leaf first.

    Raises:
        FindingError: `issuer_chain`.
    """
    with found_as("issuer_chain"):
        if not isinstance(part, list) or not 0 < len(part) <= LONGEST:
            raise UnreadableError(f"a chain has 1 to {LONGEST} statements")
        return tuple(_claimed(item) for item in part)


def _claimed(item: object) -> Claimed:
    tokens, payload = read_pair(item, typ=TYP)
    number(payload, "iat", limit=LAST_SECOND)
    number(payload, "exp", limit=LAST_SECOND)
    subject = parse_entity_id(payload.get("sub"))
    issuer = text(payload, "iss")
    return Claimed(Link(tokens), payload, issuer, subject, member(item, "proof"), member(item, "status"))


def check_issuer(
    chain: Sequence[Claimed],
    roots: Sequence[Root],
    tree: Tree | None,
    *,
    suites: Iterable[str],
    vct: str,
    at: int | None,
) -> None:
    """Check that `chain` accredits its leaf, a school, to issue `vct` at `at`; all but the time where that is None.

    Raises:
        FindingError: With the code of what does not hold.
    """
    _check_order(chain)
    links, moment = _at(chain, at)
    for suite in suites:
        with _coded():
            verify_chain(links, roots, at=moment, suite=suite).require_type(vct)
    check_logged(chain, tree)


def check_status_service(
    chain: Sequence[Claimed], roots: Sequence[Root], tree: Tree | None, *, suites: Iterable[str], at: int
) -> None:
    """Check that `chain` accredits its leaf, a status service, at `at`.

    Raises:
        FindingError: With the code that an issuer's chain would have.
    """
    _check_order(chain)
    links, moment = _at(chain, at)
    for suite in suites:
        with _coded():
            verify_status_service(links, roots, at=moment, suite=suite)
    check_logged(chain, tree)


def check_logged(chain: Sequence[Claimed], tree: Tree | None) -> None:
    """Check that each statement stands in the log.

    Not so their later status: it may be younger than the checkpoint, and can only take away.

    Raises:
        FindingError: `issuer_unlogged`.
    """
    for claimed in chain:
        with found_as("issuer_unlogged", entity_id=claimed.subject.entity_id):
            if tree is None:
                raise UnreadableError("there is no checkpoint to prove it against")
            commitment = claimed.link.commitment(claimed.subject)
            entry = Entry(EntryType.ACCREDITATION, claimed.subject.log_code, commitment)
            tree.verify(entry.encode(), read_proof(claimed.proof))


def check_same_school(chain: Sequence[Claimed], issuer: str, entry: object) -> Entity:
    """Return the school that the credential's `iss`, the leaf and the log entry all name.

    Raises:
        FindingError: `issuer_not_accredited` or `issuer_code_mismatch`.
    """
    leaf = chain[0]
    with found_as("issuer_not_accredited", entity_id=issuer):
        school = parse_entity_id(issuer)
    metadata = leaf.service(ISSUER)
    if school.kind is not Kind.SCHOOL or metadata is None:
        raise FindingError("issuer_not_accredited", "the leaf makes nobody an issuer", entity_id=issuer)
    if leaf.subject.code != school.code:
        raise FindingError("issuer_code_mismatch", f"iss {issuer}, statement {leaf.subject.entity_id}")
    if leaf.subject != school:
        raise FindingError("issuer_not_accredited", "the leaf is about another host's school", entity_id=issuer)
    if metadata.get("school_code") != [school.code] or _logged_code(entry) not in {None, school.code}:
        raise FindingError("issuer_code_mismatch", f"iss {issuer}, log entry {_logged_code(entry)}")
    if metadata.get("school_type") != [school.school_type]:
        raise FindingError("issuer_not_accredited", "not the type of the school's code", school_code=school.code)
    if metadata.get("province") != [school.province]:
        raise FindingError("issuer_province", "not the province of the school's code", school_code=school.code)
    return school


def _logged_code(entry: object) -> str | None:
    try:
        return Entry.decode(from_b64(entry)).issuer_code if isinstance(entry, str) else None
    except XinjiError:
        return None  # Its form is told by the step about the log.


def _check_order(chain: Sequence[Claimed]) -> None:
    for claimed, above in pairwise(chain):
        if claimed.issuer != above.subject.entity_id:
            raise FindingError("issuer_chain", f"{claimed.issuer} does not continue {above.subject.entity_id}")


def _at(chain: Sequence[Claimed], at: int | None) -> tuple[list[Link], datetime]:
    if at is None:
        begun = max(claimed.payload["iat"] for claimed in chain)
        return [claimed.link for claimed in chain], datetime.fromtimestamp(begun, UTC)
    with found_as("issuer_chain"):
        return [_with_status(claimed) for claimed in chain], datetime.fromtimestamp(at, UTC)


def _with_status(claimed: Claimed) -> Link:
    if claimed.later is None:
        return claimed.link
    return claimed.link._replace(status=read_pair(claimed.later, typ=statement_status.TYP)[0])


class _coded:  # noqa: N801 - reads as a word in `with`
    """Report the registry's refusals under the codes of the issuer's step."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RegistryError):
            raise FindingError(_CODE_OF.get(type(error), "issuer_chain"), str(error)) from error
