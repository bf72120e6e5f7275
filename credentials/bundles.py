"""Assemble what a verifier needs, once and for all: a bundle (`xinji/bundle/1`) of one credential.

Everything is taken from what was signed and stored; nothing is judged here, and nothing is
made up: a part that is not there yet is an error for the holder, not a hole for the verifier.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from credentials import sdjwt, status_store, store
from credentials.errors import CredentialNotFoundError, NotPublishedError
from credentials.models import Credential
from credentials.ports import CredentialServices
from credentials.status_list import Status
from crypto.encoding import b64
from crypto.jose import SUITES, peek
from kernel.pages import ZONE
from ledger.bundles import LogProof, proof_of, proofs_of
from ledger.registry.entities import Kind
from ledger.registry.statements import StoredStatement, statements_for

FORMAT: Final = "xinji/bundle/1"


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
    bundle = {
        "format": FORMAT,
        "credential": {**tokens, "disclosures": list(disclosures)},
        "accreditation": _accreditation(session, chain, proof.tree_size, by, credential),
        "log": {
            "origin": by.addresses.log_origin,
            "entry": b64(proof.entry),
            **_path(proof),
            "checkpoint": proof.checkpoint,
        },
        "anchor": anchor(session, proof.tree_size, by=by),
        "status": status(session, credential, proof.tree_size, by=by),
        "key_binding": None,
    }
    return Assembled(bundle, proof.tree_size)


def status(session: Session, credential: Credential, tree_size: int, *, by: CredentialServices) -> dict[str, Any]:
    """Return the status part of a bundle, as fresh as the lists are.

    Raises:
        NotPublishedError: No list was published yet, or what accredits the status service was not.
    """
    status_list = status_store.status_list(session, credential.status_list_id)
    if status_list is None or status_list.published_at is None:
        raise not_published(credential, by)
    tokens = {suite: token for suite in SUITES if (token := getattr(status_list, suite)) is not None}
    chain = _chain(session, by.addresses.authority, tokens, at=status_list.published_at, kind=Kind.STATUS)
    return {
        "uri": status_list.uri,
        **tokens,
        "accreditation": _accreditation(session, chain, tree_size, by, credential),
        "statement": _statement(session, credential),
    }


def anchor(session: Session, tree_size: int, *, by: CredentialServices) -> dict[str, Any] | None:
    """Return the first anchor that covers the tree, as bundles carry it."""
    found = by.anchor_of(session, tree_size)
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
    session: Session,
    chain: Sequence[StoredStatement],
    tree_size: int,
    by: CredentialServices,
    credential: Credential,
) -> list[dict[str, Any]]:
    statuses = [statement.status.commitment for statement in chain if statement.status is not None]
    commitments = [statement.commitment for statement in chain]
    proofs = proofs_of(session, by.tiles, [*commitments, *statuses], tree_size=tree_size)
    parts = []
    for statement in chain:
        if statement.commitment not in proofs:
            raise not_published(credential, by)
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
