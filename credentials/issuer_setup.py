"""The keys that a school signs credentials with, and those of the province's status service.

Both are made and kept in the signer; only their public parts come out. Who vouches for them is
said by an accreditation statement, which the registry makes from what is returned here.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from credentials import store
from credentials.addresses import Addresses
from credentials.issuance import suites_of
from credentials.issuer_keys import CREDENTIAL_KEYS, STATUS_KEYS
from credentials.ports import CredentialServices
from credentials.status_lists import ensure_list
from crypto.jose import SUITE_ALG, SUITES
from crypto.keys import PublicKey
from crypto.signing import Signer
from kernel import audit


def ensure_issuer_keys(
    signer: Signer, addresses: Addresses, school_code: str, *, suites: Collection[str] = SUITES
) -> tuple[PublicKey, ...]:
    """Return the school's active issuing keys, one a suite; make those that are missing."""
    owner = addresses.school(school_code)
    return tuple(signer.generate(CREDENTIAL_KEYS, owner, SUITE_ALG[suite]) for suite in SUITES if suite in suites)


def ensure_status_keys(signer: Signer, addresses: Addresses) -> tuple[PublicKey, ...]:
    """Return the keys that the status service signs with in both suites, and those announced to sign next.

    Keys that are missing are made. A statement must name the next ones before they may sign.
    """
    owner = addresses.status_service
    active = [signer.generate(STATUS_KEYS, owner, SUITE_ALG[suite]) for suite in SUITES]
    published = signer.public_keys(STATUS_KEYS, owner)  # The oldest first: what follows an active key comes next.
    of_suites = [[key for key in published if key.alg == one.alg] for one in active]
    return tuple(key for one, keys in zip(active, of_suites, strict=True) for key in keys[keys.index(one) :])


def ensure_status_list(by: CredentialServices, province: str) -> str:
    """Make sure that the province has a status list to publish; return its address."""
    return ensure_list(by, province).uri


def published_keys(by: CredentialServices, school_code: str) -> tuple[PublicKey, ...]:
    """Return all keys whose signatures of this school may be met, retired ones too."""
    return by.signer.public_keys(CREDENTIAL_KEYS, by.addresses.school(school_code))


def set_policy(by: CredentialServices, school_code: str, suites: Collection[str], *, actor: UUID | None) -> None:
    """Say which suites a school issues from now on.

    Raises:
        ValueError: No known suite is among them.
    """
    chosen = [suite for suite in SUITES if suite in suites]
    if not chosen:
        raise ValueError("a school issues at least one suite")
    with by.database.write() as session:
        store.set_suites(session, school_code, ",".join(chosen))
        audit.record(
            session,
            at=by.clock.now(),
            action="issuer.suites",
            actor=actor,
            organisation=school_code,
            suites=",".join(chosen),
        )


def policy(by: CredentialServices, school_code: str) -> tuple[str, ...]:
    """Return the suites that a school issues."""
    with by.database.read() as session:
        return suites_of(session, school_code)
