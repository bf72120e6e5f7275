"""A credential before it is signed: the disclosures, and one payload for each suite. Pure.

Both payloads carry the same `jti`, `iat`, `vct` and `status`, and digests of the same
disclosures; the suites never borrow an algorithm from each other (ADR 0005).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

from credentials import sdjwt
from credentials.types.credential_type import CredentialType
from crypto.jose import SUITE_HASH, SUITE_HASH_NAME, SUITES

TYP: Final = "dc+sd-jwt"


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where the credential's status stands: the list's address and the index in it."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Document:
    """What the issuer signs: `payloads` by suite; `disclosures` go to the holder."""

    jti: str
    disclosures: tuple[str, ...]
    payloads: dict[str, dict[str, Any]]


def jti_of(credential_id: UUID) -> str:
    """Return the `jti` of the credential with this id."""
    return f"urn:uuid:{credential_id}"


def numeric_day(day: date) -> int:
    """Return 00:00 UTC of `day` as a NumericDate (RFC 7519 §2): `iat` tells the day only."""
    return int(datetime.combine(day, time(), UTC).timestamp())


def compose(
    type_: CredentialType,
    claims: Mapping[str, Any],
    *,
    issuer: str,
    credential_id: UUID,
    day: date,
    status: StatusReference,
    suites: Collection[str] = SUITES,
) -> Document:
    """Compose the document of one credential; every claim becomes a disclosure.

    Args:
        type_: The credential's type; its `digests` is the length of `_sd`.
        claims: The fields, already checked against the type.
        issuer: The school's entity id.
        credential_id: Becomes the `jti`.
        day: The day of issue in UTC.
        status: The place in the province's status list.
        suites: Which of `gm` and `intl` the school issues.
    """
    disclosures = [sdjwt.disclose(name, claims[name]) for name in type_.names if name in claims]
    shared: dict[str, Any] = {
        "iss": issuer,
        "iat": numeric_day(day),
        "jti": jti_of(credential_id),
        "vct": type_.vct,
        "status": {"status_list": {"idx": status.index, "uri": status.uri}},
    }
    payloads = {
        suite: {
            **shared,
            "_sd_alg": SUITE_HASH_NAME[suite],
            "_sd": sdjwt.digests(disclosures, SUITE_HASH[suite], count=type_.digests),
        }
        for suite in SUITES
        if suite in suites
    }
    return Document(shared["jti"], tuple(disclosure.encoded for disclosure in disclosures), payloads)
