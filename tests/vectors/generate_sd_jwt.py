"""Make tests/vectors/sd_jwt.json: one diploma in both suites with fixed salts, decoys and share code.

Written against RFC 9901 and docs/profiles/sd-jwt.md with hashlib and hmac alone: it shares no
code with what it tests. `python -m tests.vectors.generate_sd_jwt` writes the file again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("sd_jwt.json")
CLAIMS: dict[str, Any] = {
    "name": "陈𠮷睿",
    "gender": "1",
    "birthdate": "2004-02-29",
    "school_name": "郑州大学",
    "school_name_en": "Zhengzhou University",
    "level": "21",
    "major": "计算机科学与技术",
    "study_form": "全日制",
    "study_length": 4,
    "entry_date": "2022-09-01",
    "graduation_date": "2026-06-30",
    "conclusion": "毕业",
    "certificate_number": "104591202605000123",
    "president": "李蓬",
    "issued_on": "2026-06-30",
}
SHARED = {
    "iss": "http://localhost:8000/schools/4141010459",
    "iat": 1782777600,
    "jti": "urn:uuid:019f0000-0000-7000-8000-000000000001",
    "vct": "urn:xinji:credential:diploma:1",
    "status": {"status_list": {"idx": 77, "uri": "http://localhost:8000/status/41/1"}},
}
SIGNS = "0123456789ABCDEFGHJ"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(name: str, data: bytes) -> str:
    return b64u(hashlib.new(name, data).digest())


def vector() -> dict[str, Any]:
    disclosures = []
    for number, (name, value) in enumerate(CLAIMS.items()):
        content = [b64u(bytes([number]) * 16), name, value]
        disclosures.append(b64u(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()))
    suites = {}
    for suite, alg, hash_name in (("gm", "sm3", "sm3"), ("intl", "sha-256", "sha256")):
        real = [digest(hash_name, encoded.encode()) for encoded in disclosures]
        decoys = [digest(hash_name, bytes([200 + number]) * 32) for number in range(24 - len(real))]
        suites[suite] = {**SHARED, "_sd_alg": alg, "_sd": sorted(real + decoys)}
    prk = hmac.digest(b"xinji/share/1", SIGNS.encode(), "sm3")
    check = -sum(ALPHABET.index(sign) * 3 ** (place + 1) for place, sign in enumerate(SIGNS)) % 31
    return {
        "source": "RFC 9901 §4.2; docs/profiles/sd-jwt.md; made by tests/vectors/generate_sd_jwt.py",
        "claims": CLAIMS,
        "disclosures": disclosures,
        "payloads": suites,
        "share": {
            "code": SIGNS + ALPHABET[check],
            "prk": prk.hex(),
            "id": hmac.digest(prk, b"id\x01", "sm3")[:16].hex(),
            "key": hmac.digest(prk, b"key\x01", "sm3")[:16].hex(),
        },
    }


def text() -> str:
    return json.dumps(vector(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), "utf-8")
