"""Accreditation statements: what a superior says of its subordinate (OpenID Federation 1.0 §3).

Pure: JSON objects in, checked values out. No signature is looked at here, no chain and no
clock; `chain` does that. `jwks` holds the subject's federation keys, which sign statements
and nothing else; the keys that sign credentials or status lists stand in `metadata` and never
sign statements, so no key may stand in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from crypto.errors import CryptoError
from crypto.jose import jwks
from crypto.keys import PublicKey, public_key
from ledger.registry.entities import Entity, Kind, parse_entity_id
from ledger.registry.errors import InvalidStatementError, UnsupportedPolicyError
from ledger.registry.policy import UNLIMITED, Policy, parse_policy, policy_claim, strings

TYP: Final = "entity-statement+jwt"
FEDERATION: Final = "federation_entity"
ISSUER: Final = "xinji_credential_issuer"
STATUS_PROVIDER: Final = "xinji_status_provider"

LIMITED: Final = ("province", "school_type", "credential_types")
"""The parameters of a school's metadata that the statement about each authority must limit."""

_LATEST = 2**53 - 1  # The largest integer that JSON parsers agree on (RFC 8259 §6).
_MOST_KEYS = 16
_LONGEST_NAME = 200


class Names(NamedTuple):
    """What an organisation is called, in Chinese and, where it has such a name, in English."""

    zh: str
    en: str | None = None


class Limits(NamedTuple):
    """What an authority may accredit below itself."""

    provinces: tuple[str, ...]
    school_types: tuple[str, ...]
    credential_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A well-formed statement. `issued_at` and `expires_at` are NumericDates in seconds."""

    issuer: Entity
    subject: Entity
    issued_at: int
    expires_at: int
    federation_keys: tuple[PublicKey, ...]
    service_keys: tuple[PublicKey, ...]
    """The keys in the metadata: of a credential issuer or a status service; of an authority none."""
    names: Names | None
    metadata: Mapping[str, Any]
    policy: Policy
    max_path_length: int | None


def parse_statement(payload: Mapping[str, Any]) -> Statement:
    """Check the form of a statement's payload and return what it says.

    Raises:
        InvalidStatementError: Something is missing, of the wrong form, or names a critical claim.
        InvalidEntityError: `iss` or `sub` is no entity identifier.
        UnsupportedPolicyError: It limits its subject in a way that is not understood here.
    """
    issuer, subject = parse_entity_id(payload.get("iss")), parse_entity_id(payload.get("sub"))
    _check_pair(issuer, subject)
    if "crit" in payload or "metadata_policy_crit" in payload:
        raise UnsupportedPolicyError("the statement has critical claims, and none is understood", field="crit")
    issued_at, expires_at = numeric_date(payload, "iat"), numeric_date(payload, "exp")
    if issued_at >= expires_at:
        raise InvalidStatementError("the statement expires before it is issued", field="exp")
    metadata = _object(payload.get("metadata"), "metadata")
    policy = parse_policy(payload["metadata_policy"]) if "metadata_policy" in payload else UNLIMITED
    max_path_length = _max_path_length(payload.get("constraints", {}))
    federation_keys = _keys(payload.get("jwks"), "jwks")
    service_keys = _service_keys(subject, metadata)
    if {key.key_id for key in federation_keys} & {key.key_id for key in service_keys}:
        raise InvalidStatementError("a key stands both in jwks and in metadata", field="jwks")
    if subject.kind is Kind.AUTHORITY:
        _check_limited(policy, max_path_length)
    names = None if subject.kind is Kind.STATUS else _names(metadata)
    return Statement(
        issuer=issuer,
        subject=subject,
        issued_at=issued_at,
        expires_at=expires_at,
        federation_keys=federation_keys,
        service_keys=service_keys,
        names=names,
        metadata=metadata,
        policy=policy,
        max_path_length=max_path_length,
    )


def school_claims(
    *, names: Names, school: Entity, credential_types: Sequence[str], issuing_keys: Sequence[PublicKey]
) -> dict[str, Any]:
    """Return the claims that a statement about a school carries besides those of every statement."""
    issuer = {
        "school_code": [school.code],
        "school_type": [school.school_type],
        "province": [school.province],
        "credential_types": list(credential_types),
        "jwks": jwks(issuing_keys),
    }
    return {"metadata": {FEDERATION: _names_claim(names), ISSUER: issuer}}


def authority_claims(*, names: Names, limits: Limits, max_path_length: int) -> dict[str, Any]:
    """Return the claims of a statement about an authority.

    `max_path_length` counts the authorities that may stand between the statement's *issuer*
    and a school (OpenID Federation 1.0 §6.2.1): 2 where a province speaks, 1 where a city does.
    """
    policy: Policy = {ISSUER: dict(zip(LIMITED, limits, strict=True))}
    return {
        "metadata": {FEDERATION: _names_claim(names)},
        "metadata_policy": policy_claim(policy),
        "constraints": {"max_path_length": max_path_length},
    }


def status_service_claims(*, province: str, status_keys: Sequence[PublicKey]) -> dict[str, Any]:
    """Return the claims of a statement about a status service."""
    return {"metadata": {STATUS_PROVIDER: {"province": [province], "jwks": jwks(status_keys)}}}


def statement_payload(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    subject: str,
    issued_at: int,
    expires_at: int,
    federation_keys: Sequence[PublicKey],
) -> dict[str, Any]:
    """Return the whole payload, after checking it as a verifier would.

    Raises:
        InvalidStatementError: The claims do not fit the subject.
    """
    payload = {
        "iss": issuer,
        "sub": subject,
        "iat": issued_at,
        "exp": expires_at,
        "jwks": jwks(federation_keys),
        **claims,
    }
    parse_statement(payload)
    return payload


def numeric_date(payload: Mapping[str, Any], name: str) -> int:
    """Return a NumericDate claim in whole seconds.

    Raises:
        InvalidStatementError: It is missing or no positive integer.
    """
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LATEST:
        raise InvalidStatementError(f"{name} is not a time in whole seconds", field=name)
    return value


def _check_pair(issuer: Entity, subject: Entity) -> None:
    if issuer.kind is not Kind.AUTHORITY:
        raise InvalidStatementError("only an authority makes statements", field="iss")
    if subject.entity_id == issuer.entity_id:
        raise InvalidStatementError("a statement about oneself accredits nobody", field="sub")
    if subject.kind is Kind.STATUS and subject.entity_id != f"{issuer.entity_id}/status":
        raise InvalidStatementError("an authority accredits its own status service only", field="sub")


def _max_path_length(value: object) -> int | None:
    constraints = _object(value, "constraints")
    if set(constraints) - {"max_path_length"}:
        raise UnsupportedPolicyError("constraints other than max_path_length", field="constraints")
    length = constraints.get("max_path_length")
    if length is None and "max_path_length" not in constraints:
        return None
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise InvalidStatementError("max_path_length is not a number", field="constraints.max_path_length")
    return length


def _check_limited(policy: Policy, max_path_length: int | None) -> None:
    missing = [name for name in LIMITED if name not in policy.get(ISSUER, {})]
    if missing:
        raise InvalidStatementError(f"the authority's {missing[0]} is not limited", field="metadata_policy")
    if max_path_length is None:
        raise InvalidStatementError("the length of the path is not limited", field="constraints.max_path_length")


def _service_keys(subject: Entity, metadata: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    wanted = {Kind.SCHOOL: ISSUER, Kind.STATUS: STATUS_PROVIDER, Kind.AUTHORITY: None}[subject.kind]
    others = {ISSUER, STATUS_PROVIDER} - {wanted}
    if others & set(metadata):
        raise InvalidStatementError(f"metadata does not fit a {subject.kind}", field="metadata")
    if wanted is None:
        return ()
    service = _object(metadata.get(wanted), f"metadata.{wanted}")
    parameters = ("school_code", *LIMITED) if wanted == ISSUER else ("province",)
    for name in parameters:
        if not strings(service.get(name), f"metadata.{wanted}.{name}"):
            raise InvalidStatementError(f"metadata.{wanted}.{name} is empty", field=f"metadata.{wanted}.{name}")
    return _keys(service.get("jwks"), f"metadata.{wanted}.jwks")


def _keys(value: object, place: str) -> tuple[PublicKey, ...]:
    members = _object(value, place).get("keys")
    if not isinstance(members, list) or not 0 < len(members) <= _MOST_KEYS:
        raise InvalidStatementError(f"{place} does not hold 1 to {_MOST_KEYS} keys", field=place)
    try:
        keys = tuple(public_key(_object(member, place)) for member in members)
    except CryptoError as error:
        raise InvalidStatementError(f"{place} holds something that is no public key", field=place) from error
    if len({key.key_id for key in keys}) != len(keys):
        raise InvalidStatementError(f"{place} holds a key twice", field=place)
    return keys


def _names(metadata: Mapping[str, Any]) -> Names:
    entity = _object(metadata.get(FEDERATION), f"metadata.{FEDERATION}")
    zh, en = entity.get("organization_name"), entity.get("organization_name#en")
    if not isinstance(zh, str) or not 0 < len(zh) <= _LONGEST_NAME:
        raise InvalidStatementError("the organisation has no name", field="organization_name")
    if en is not None and (not isinstance(en, str) or not 0 < len(en) <= _LONGEST_NAME):
        raise InvalidStatementError("the organisation's English name is no name", field="organization_name#en")
    return Names(zh, en)


def _names_claim(names: Names) -> dict[str, str]:
    return {"organization_name": names.zh, **({"organization_name#en": names.en} if names.en else {})}


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidStatementError(f"{place} is not an object", field=place)
    return value
