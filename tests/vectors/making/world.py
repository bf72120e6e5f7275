"""The province of the vectors: who accredits whom, its log, witnesses and trust file. Times are POSIX seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.vectors.making.keys import (
    COSIGNATURE_ED25519,
    COSIGNATURE_SM2,
    LOG_ED25519,
    LOG_SM2,
    b64u,
    compact,
    jwks,
    token,
    vkey,
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


BASE = "https://henan.example"
ORIGIN = "henan.example/log"
ORIGIN_2027 = "henan.example/log/2027"
ROOT, CITY, COUNTY = (f"{BASE}/authorities/{code}" for code in ("410000", "410100", "410102"))
SERVICE = f"{ROOT}/status"
UNIVERSITY, HIGH_SCHOOL, OTHER_SCHOOL = (f"{BASE}/schools/{c}" for c in ("4141010459", "3441999001", "4141010475"))
LIST_URI = f"{BASE}/status/41/1"
DIPLOMA = "urn:xinji:credential:diploma:1"
JTI = "urn:uuid:0190f6f0-5c00-7a00-8000-000000000001"

DAY = 86_400
ACCREDITED, ACCREDITED_UNTIL = at("2026-01-10"), at("2031-01-10")
ISSUED = at("2026-06-30")
T = at("2026-06-30T06:03:00")
LISTED, LISTED_UNTIL = at("2026-07-01"), at("2026-07-02")
NOW = at("2026-07-01T04:00:00")
INDEX = 1234
BOTH = ("gm", "intl")

# Organisation, name in notes, kind, key: the first has both kinds of keys.
WITNESSES = (
    ("示范见证单位甲", "witness-a.example", COSIGNATURE_SM2, "witness a"),
    ("示范见证单位甲", "witness-a.example", COSIGNATURE_ED25519, "witness a"),
    ("示范见证单位乙", "witness-b.example", COSIGNATURE_ED25519, "witness b"),
    ("示范见证单位丙", "witness-c.example", COSIGNATURE_SM2, "witness c"),
)
STRANGER = ("路人", "stranger.example", COSIGNATURE_ED25519, "stranger")
A_SM2, A_ED25519, B_ED25519, C_SM2 = WITNESSES

FIELDS: dict[str, Any] = {
    "name": "\U00020bb7田\U0002a6b2",  # CJK Extension B, as some names have.
    "gender": "2",
    "birthdate": "2004-02-29",
    "school_name": "郑州大学",
    "school_name_en": "Zhengzhou University",
    "level": "21",
    "major": "软件工程",
    "study_form": "全日制",
    "study_length": 4,
    "entry_date": "2022-09-01",
    "graduation_date": "2026-06-30",
    "conclusion": "毕业",
    "certificate_number": "104591202605000001",
    "president": "李示范",
    "issued_on": "2026-06-30",
}
DIGESTS = 24

Change = Callable[[dict[str, Any]], Any]


def unchanged(_: dict[str, Any]) -> None:
    return None


@dataclass
class Accreditation:
    """One statement: what it says, by whom it is signed, how it is logged, and what became of it."""

    payload: dict[str, Any]
    signer: str
    code: str
    logged: bool = True
    intl_payload: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    status_signer: str | None = None
    status_logged: bool = True
    suites: tuple[str, ...] = BOTH


def _statement(superior: str, subject: str, keys: str, **claims: Any) -> dict[str, Any]:
    return {
        "iss": superior,
        "sub": subject,
        "iat": ACCREDITED,
        "exp": ACCREDITED_UNTIL,
        "jwks": jwks(f"{keys} federation"),
        **claims,
    }


def school(superior: str, subject: str, keys: str, *, zh: str, en: str) -> dict[str, Any]:
    code = subject[-10:]
    issuer = {
        "school_code": [code],
        "school_type": [code[:2]],
        "province": [code[2:4]],
        "credential_types": [DIPLOMA],
        "jwks": jwks(f"{keys} issuing"),
    }
    named = {"organization_name": zh, "organization_name#en": en}
    metadata = {"federation_entity": named, "xinji_credential_issuer": issuer}
    return _statement(superior, subject, keys, metadata=metadata)


def authority(superior: str, subject: str, keys: str, *, zh: str, en: str, below: int) -> dict[str, Any]:
    """`below`: how many authorities may stand between `superior` and a school (OpenID Federation 1.0 §6.2.1)."""
    limits = {"province": ["41"], "school_type": ["21", "31", "34"], "credential_types": [DIPLOMA]}
    return _statement(
        superior,
        subject,
        keys,
        metadata={"federation_entity": {"organization_name": zh, "organization_name#en": en}},
        metadata_policy={"xinji_credential_issuer": {name: {"subset_of": to} for name, to in limits.items()}},
        constraints={"max_path_length": below},
    )


def university_chain() -> list[Accreditation]:
    leaf = school(ROOT, UNIVERSITY, "university", zh="郑州大学", en="Zhengzhou University")
    return [Accreditation(leaf, "root", "4141010459")]


def long_chain() -> list[Accreditation]:
    leaf = school(COUNTY, HIGH_SCHOOL, "high school", zh="示范高中（虚构）", en="Demo High School (synthetic)")
    county = authority(CITY, COUNTY, "county", zh="中原区教育局", en="Zhongyuan District Education Bureau", below=1)
    city = authority(ROOT, CITY, "city", zh="郑州市教育局", en="Zhengzhou Education Bureau", below=2)
    return [
        Accreditation(leaf, "county federation", "3441999001"),
        Accreditation(county, "city federation", "0000410102"),
        Accreditation(city, "root", "0000410100"),
    ]


def status_chain() -> list[Accreditation]:
    provider = {"province": ["41"], "jwks": jwks("status service issuing")}
    leaf = _statement(ROOT, SERVICE, "status service", metadata={"xinji_status_provider": provider})
    return [Accreditation(leaf, "root", "0000410000")]


def trust_payload() -> dict[str, Any]:
    organisations = list(dict.fromkeys(witness[0] for witness in WITNESSES))
    return {
        "format": "xinji/trust/1",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "expires_at": "2027-01-01T00:00:00Z",
        "threshold": 1,
        "roots": [{"entity_id": ROOT, "provinces": ["41"], "jwks": jwks("root")}],
        "logs": [
            {"origin": ORIGIN, "hash": "sm3", "vkeys": [vkey(ORIGIN, LOG_SM2, "log"), vkey(ORIGIN, LOG_ED25519, "log")]}
        ],
        "witness_policy": {
            "quorum": 2,
            "witnesses": [
                {
                    "organisation": organisation,
                    "vkeys": [vkey(*witness[1:]) for witness in WITNESSES if witness[0] == organisation],
                }
                for organisation in organisations
            ],
        },
        "chains": [
            {"id": "embedded", "mode": "embedded", "chain_id": 20260630, "contract": "0x" + "41" * 20, "endorsers": []}
        ],
        "verifier_host": "henan.example",
    }


def log_of_2027() -> dict[str, Any]:
    """Return a second log of the province, as its trust file names it."""
    vkeys = [vkey(ORIGIN_2027, kind, "log 2027") for kind in (LOG_SM2, LOG_ED25519)]
    return {"origin": ORIGIN_2027, "hash": "sha-256", "vkeys": vkeys}


def trust_file(payload: dict[str, Any], signers: Sequence[str] = ("root",)) -> dict[str, Any]:
    """Return the trust file: a JWS in general JSON form, signed by each signer in both suites."""
    signatures = []
    for signer in signers:
        for suite in BOTH:
            protected, _, signature = token(payload, signer, suite, typ="xinji-trust+json").split(".")
            signatures.append({"protected": protected, "signature": signature})
    return {"payload": b64u(compact(payload)), "signatures": signatures}
