"""A small federation for tests: organisations with keys that sign statements about one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crypto.jose import SUITE_ALG, sign_jwt
from crypto.keys import PrivateKey, PublicKey, generate_key
from ledger.registry import statement_status
from ledger.registry.chain import Link, Root
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import (
    TYP,
    Limits,
    Names,
    authority_claims,
    school_claims,
    statement_payload,
    status_service_claims,
)
from ledger.registry.statement_status import State, StatementStatus, status_payload

BASE = "http://localhost:8000"
PROVINCE = f"{BASE}/authorities/410000"
CITY = f"{BASE}/authorities/410100"
COUNTY = f"{BASE}/authorities/410122"
OTHER_PROVINCE = f"{BASE}/authorities/610000"
UNIVERSITY = f"{BASE}/schools/4141010459"
SCHOOL = f"{BASE}/schools/3441999001"
STATUS_SERVICE = f"{PROVINCE}/status"
DIPLOMA = "urn:xinji:credential:diploma:1"
SCORES = "urn:xinji:credential:scores:1"

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2029, 1, 1, tzinfo=UTC)
AT = datetime(2026, 6, 30, tzinfo=UTC)


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def key_pair() -> dict[str, PrivateKey]:
    return {suite: generate_key(alg) for suite, alg in SUITE_ALG.items()}


def public(keys: Mapping[str, PrivateKey]) -> tuple[PublicKey, ...]:
    return tuple(key.public for key in keys.values())


@dataclass
class Organisation:
    """Somebody with an identifier, federation keys and, for issuers, service keys."""

    entity_id: str
    federation: dict[str, PrivateKey] = field(default_factory=key_pair)
    service: dict[str, PrivateKey] = field(default_factory=key_pair)

    def sign(self, payload: Mapping[str, Any], typ: str = TYP) -> dict[str, str]:
        return {suite: sign_jwt(payload, key, typ=typ) for suite, key in self.federation.items()}

    def payload(self, subject: Organisation, claims: Mapping[str, Any]) -> dict[str, Any]:
        return statement_payload(
            claims,
            issuer=self.entity_id,
            subject=subject.entity_id,
            issued_at=seconds(ISSUED),
            expires_at=seconds(EXPIRES),
            federation_keys=public(subject.federation),
        )

    def accredits(self, subject: Organisation, claims: Mapping[str, Any]) -> Link:
        return Link(self.sign(self.payload(subject, claims)))

    def says(self, link: Link, subject: Organisation, state: State, *, since: datetime, at: datetime) -> Link:
        """Return `link` with a later status."""
        entity = parse_entity_id(subject.entity_id)
        status = StatementStatus(
            parse_entity_id(self.entity_id), entity, link.commitment(entity), state, seconds(since), seconds(at)
        )
        return link._replace(status=self.sign(status_payload(status), statement_status.TYP))

    def root(self, *provinces: str) -> Root:
        return Root(self.entity_id, provinces or ("41",), public(self.federation))


def school_of(organisation: Organisation, *types: str) -> dict[str, Any]:
    return school_claims(
        names=Names("郑州大学", "Zhengzhou University"),
        school=parse_entity_id(organisation.entity_id),
        credential_types=types or (DIPLOMA,),
        issuing_keys=public(organisation.service),
    )


def authority_of(
    *,
    longest: int = 2,
    provinces: tuple[str, ...] = ("41",),
    school_types: tuple[str, ...] = ("34", "41"),
    credential_types: tuple[str, ...] = (DIPLOMA, SCORES),
) -> dict[str, Any]:
    limits = Limits(provinces, school_types, credential_types)
    return authority_claims(names=Names("示范教育局"), limits=limits, max_path_length=longest)


def status_service_of(organisation: Organisation) -> dict[str, Any]:
    return status_service_claims(province="41", status_keys=public(organisation.service))
