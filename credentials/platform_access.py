"""What a platform may read of a holder's credentials with an access token (RFC 9396, `xinji_credential`).

Tokens are the identity provider's: who presents one, and what was granted with it, comes from a
gate that server/app.py wires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import bundles, store
from credentials.errors import CredentialNotFoundError
from credentials.models import Credential
from credentials.ports import CredentialServices


@dataclass(frozen=True, slots=True)
class Readable:
    """Credentials of these types, of these schools (10-digit codes), or of every school where there are none."""

    types: frozenset[str]
    issuers: frozenset[str]

    def covers(self, credential: Credential) -> bool:
        """Whether the credential is among them."""
        return credential.vct in self.types and (not self.issuers or credential.issuer_code in self.issuers)


@dataclass(frozen=True, slots=True)
class Reading:
    """Whose credentials a platform may read, and which; `headers` go with the answer."""

    person_id: UUID
    client_id: str
    readable: tuple[Readable, ...]
    headers: Mapping[str, str]

    def covers(self, credential: Credential) -> bool:
        """Whether the platform may read it."""
        return any(part.covers(credential) for part in self.readable)


def listed(session: Session, reading: Reading) -> list[Credential]:
    """Return the holder's newest credentials that the platform may read."""
    return [one for one in store.credentials_of_person(session, reading.person_id) if reading.covers(one)]


def bundle_for(session: Session, credential_id: UUID, reading: Reading, *, by: CredentialServices) -> Mapping[str, Any]:
    """Return the bundle of one credential, all its fields disclosed: what the holder agreed to.

    Raises:
        CredentialNotFoundError: There is none, it is somebody else's, or it was not granted: never said which.
        NotPublishedError: Its entry is not published yet.
    """
    credential = store.credential(session, credential_id)
    if credential is None or credential.person_id != reading.person_id or not reading.covers(credential):
        raise CredentialNotFoundError("the token does not let read such a credential")
    disclosures: Sequence[str] = bundles.disclosures_of(session, credential, by=by)
    return bundles.assemble(session, credential, disclosures, by=by).bundle
