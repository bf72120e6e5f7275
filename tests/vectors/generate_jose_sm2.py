"""Make the vectors of the SM2 JOSE profile: `python -m tests.vectors.generate_jose_sm2`.

From the definition (`sm2_reference`), with the standard's key and nonce, so that the file is
the same each time; no engine and no JOSE library takes part.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from crypto import sm2
from tests.vectors.files import vectors
from tests.vectors.sm2_reference import encode, multiply, sign

FILE = Path(__file__).with_name("jose_sm2.json")
PAYLOAD = {"iss": "https://xinji.example/schools/4141010459", "iat": 1767225600, "name": "张三"}
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"  # OIDC Core A.6 has one like it.


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def generate() -> str:
    """Return the file's content."""
    standard = vectors("sm2.json")
    point = encode(multiply(int(standard["d"], 16)))
    jwk = {"crv": "SM2-P-256", "kty": "EC", "x": b64u(point[1:33]), "y": b64u(point[33:])}
    kid = b64u(hashlib.sha256(text(jwk).encode()).digest())
    header = {"alg": "SGD_SM3_SM2", "kid": kid, "typ": "example+jwt"}
    signing_input = f"{b64u(text(header).encode())}.{b64u(text(PAYLOAD).encode())}"
    z = sm2.z_value(point)
    signature = sign(int(standard["d"], 16), int(standard["k"], 16), signing_input.encode())
    document = {
        "source": "home-made by tests/vectors/generate_jose_sm2.py from GB/T 32918.2, RFC 7515 and RFC 7638",
        "d": standard["d"],
        "k": standard["k"],
        "jwk": {**jwk, "kid": kid, "alg": "SGD_SM3_SM2"},
        "thumbprint_input": text(jwk),
        "header": text(header),
        "payload": text(PAYLOAD),
        "signing_input": signing_input,
        "id": sm2.SIGNER_ID.decode(),
        "z": z.hex(),
        "e": sm2.digest(z, signing_input.encode()).hex(),
        "signature": signature.hex(),
        "token": f"{signing_input}.{b64u(signature)}",
        "access_token": ACCESS_TOKEN,
        "at_hash": b64u(hashlib.new("sm3", ACCESS_TOKEN.encode()).digest()[:16]),
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
