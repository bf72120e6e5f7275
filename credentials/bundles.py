"""Assemble what a verifier needs, once and for all: a bundle (`xinji/bundle/1` or `2`) of one credential.

Everything is taken from what was signed and stored; nothing is judged here, and nothing is
made up: a part that is not there yet is an error for the holder, not a hole for the verifier.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from credentials import sdjwt, status_store, store
from credentials.errors import CredentialNotFoundError, NotPublishedError
from credentials.models import Credential, StatusList
from credentials.ports import CredentialServices
from credentials.status_list import Status
from crypto.encoding import b64
from crypto.jose import SUITES, peek
from kernel.pages import ZONE
from ledger.bundles import LogProof, preimage_of, proof_of, proofs_of, proofs_together, shard_of
from ledger.registry.entities import Kind
from ledger.registry.errors import UnknownStatementError
from ledger.registry.statements import StoredStatement, statements_for

FORMAT: Final = "xinji/bundle/1"
FORMAT_2: Final = "xinji/bundle/2"
"""The same, and its status names a `log` of its own. Whoever can read only the first still reads all others."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A bundle, and the size of the tree that its proofs are made against."""

    bundle: dict[str, Any]
    tree_size: int


def assemble(
    session: Session, credential: Credential, disclosures: Sequence[str], *, by: CredentialServices
) -> Assembled:
    """Return the bundle of `credential` with just these disclosures.

    Raises:
        NotPublishedError: Its entry, or what accredits its issuer, is not published yet.
    """
    proof = proof_of(session, by.tiles, credential.commitment)
    if proof is None:
        raise not_published(credential, by)
    tokens = tokens_of(credential)
    chain = _chain(session, credential.issuer_code, tokens, at=proof.published_at)
    accreditation = _accreditation(session, chain, proof.shard, proof.tree_size, by)
    if accreditation is None:
        raise not_published(credential, by)
    current = status(session, credential, proof.tree_size, by=by)
    bundle = {
        "format": FORMAT_2 if "log" in current else FORMAT,
        "credential": {**tokens, "disclosures": list(disclosures)},
        "accreditation": accreditation,
        "log": {
            "origin": proof.origin,
            "entry": b64(proof.entry),
            **_path(proof),
            "checkpoint": proof.checkpoint,
        },
        "anchor": anchor(session, credential, proof.tree_size, by=by),
        "status": current,
        "key_binding": None,
    }
    return Assembled(bundle, proof.tree_size)


def status(session: Session, credential: Credential, tree_size: int, *, by: CredentialServices) -> dict[str, Any]:
    """Return the status part of a bundle, as fresh as the lists are.

    What accredits the status service is proved under the credential's checkpoint, of `tree_size` entries,
    where it stands there. If the service got other keys since, it cannot: then the part brings a `log` of its
    own, the first checkpoint that holds the list too. While that is not published, the list before counts.

    Raises:
        NotPublishedError: No list was published yet, or what accredits the status service was not.
    """
    status_list = status_store.status_list(session, credential.status_list_id)
    if status_list is None or status_list.published_at is None:
        raise not_published(credential, by)
    shard = shard_of(session, credential.commitment)
    for listed in _lists(session, status_list, by):
        chain = _service(session, listed, by)
        proved = _proved(session, chain, listed, shard, tree_size, by) if chain else None
        if proved is not None:
            return {"uri": status_list.uri, **listed.tokens, **proved, "statement": _statement(session, credential)}
    raise not_published(credential, by)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A published status list, in every suite, and its entry's commitment."""

    tokens: Mapping[str, str]
    at: datetime
    commitment: bytes


def _lists(session: Session, status_list: StatusList, by: CredentialServices) -> Iterator[_Listed]:
    """Yield the list as it was published last, even if it has expired, then those before it that have not."""
    for place, snapshot in enumerate(status_store.snapshots_of(session, status_list.id)):
        tokens = preimage_of(session, snapshot.commitment)
        if tokens is not None and (place == 0 or snapshot.expires_at > by.clock.now()):
            yield _Listed(tokens, snapshot.issued_at, snapshot.commitment)


def _service(session: Session, listed: _Listed, by: CredentialServices) -> tuple[StoredStatement, ...]:
    try:
        return _chain(session, by.addresses.authority, listed.tokens, at=listed.at, kind=Kind.STATUS)
    except UnknownStatementError:  # The keys signed before anybody accredited them.
        return ()


def _proved(
    session: Session,
    chain: Sequence[StoredStatement],
    listed: _Listed,
    shard: int,
    tree_size: int,
    by: CredentialServices,
) -> dict[str, Any] | None:
    """Return the service's accreditation under the credential's checkpoint, or with one that holds the list too."""
    accreditation = _accreditation(session, chain, shard, tree_size, by)
    if accreditation is not None:
        return {"accreditation": accreditation}
    together = proofs_together(session, by.tiles, [listed.commitment, *(statement.commitment for statement in chain)])
    if not together:
        return None
    own = together[listed.commitment]
    accreditation = _accreditation(session, chain, own.shard, own.tree_size, by)
    return {"accreditation": accreditation, "log": {"origin": own.origin, "checkpoint": own.checkpoint}}


def anchor(
    session: Session, credential: Credential, tree_size: int, *, by: CredentialServices
) -> dict[str, Any] | None:
    """Return the first anchor that covers the credential's tree, as bundles carry it."""
    found = by.anchor_of(session, tree_size, shard_of(session, credential.commitment))
    return None if found is None else dict(found)


def tokens_of(credential: Credential) -> dict[str, str]:
    """Return the issuer's JWT of each suite that the school issued."""
    return {suite: token for suite in SUITES if (token := getattr(credential, suite)) is not None}


def disclosures_of(session: Session, credential: Credential, *, by: CredentialServices) -> list[str]:
    """Open a credential's disclosures.

    Raises:
        CredentialNotFoundError: The holder's data key was destroyed: nobody can open them any more.
    """
    key = store.holder_keys(session, [credential.person_id]).get(credential.person_id)
    if key is None:
        raise CredentialNotFoundError("the personal fields of this credential were erased")
    place = {"table": "cred_credential", "column": "disclosures", "row": str(credential.id)}
    opened: list[str] = json.loads(by.vault.decrypt(key, credential.person_id, credential.disclosures, **place))
    return opened


def claims_of(disclosures: Collection[str]) -> dict[str, Any]:
    """Return the claims of our own stored disclosures."""
    parsed = (sdjwt.parse_disclosure(encoded) for encoded in disclosures)
    return {disclosure.name: disclosure.value for disclosure in parsed}


def encode(bundle: Mapping[str, Any]) -> bytes:
    """Return a bundle as the bytes of a file or of a share's plaintext."""
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def not_published(credential: Credential, by: CredentialServices) -> NotPublishedError:
    """Return the error that tells when the credential can be shared, as far as that is known."""
    ready = ready_at(credential, by).astimezone(ZONE)
    return NotPublishedError("the log has not published this yet", when=f"{ready:%H:%M}")


def ready_at(credential: Credential, by: CredentialServices) -> datetime:
    """Return when the log should have published a credential, and the list its status."""
    return max(credential.issued_at + by.log_window, by.clock.now())


def _chain(
    session: Session, code: str, tokens: Mapping[str, str], *, at: datetime, kind: Kind = Kind.SCHOOL
) -> tuple[StoredStatement, ...]:
    key_ids = {str(peek(token)[0]["kid"]) for token in tokens.values()}
    return statements_for(session, code, kind=kind, key_ids=key_ids, at=at)


def _accreditation(
    session: Session, chain: Sequence[StoredStatement], shard: int, tree_size: int, by: CredentialServices
) -> list[dict[str, Any]] | None:
    """Return the chain as bundles carry it, or None where one of it does not stand in the shard's tree of that size."""
    statuses = [statement.status.commitment for statement in chain if statement.status is not None]
    commitments = [statement.commitment for statement in chain]
    proofs = proofs_of(session, by.tiles, [*commitments, *statuses], tree_size=tree_size, shard=shard)
    if not proofs.keys() >= set(commitments):
        return None
    parts = []
    for statement in chain:
        later = None
        if statement.status is not None:
            # Said after the checkpoint, it has no place in that tree; verifiers do not ask for one.
            said = proofs.get(statement.status.commitment)
            later = {**statement.status.tokens, **({} if said is None else {"proof": _path(said)})}
        parts.append({**statement.tokens, "proof": _path(proofs[statement.commitment]), "status": later})
    return parts


def _statement(session: Session, credential: Credential) -> dict[str, str] | None:
    if credential.status == Status.VALID:
        return None
    for statement in store.statements_of(session, credential.id):
        tokens = {suite: token for suite in SUITES if (token := getattr(statement, suite)) is not None}
        return tokens or None
    return None


def _path(proof: LogProof) -> dict[str, Any]:
    return {"index": proof.index, "path": [b64(node) for node in proof.path]}
