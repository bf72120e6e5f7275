"""Make the vectors of OpenID Connect under SM2: `python -m tests.vectors.generate_oidc_sm2`.

One token of each kind that the provider signs or takes, from the definition (`sm2_reference`),
with the standard's key and a nonce made of the token's name, so that the file is the same each
time; no engine and no JOSE library takes part.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from crypto import sm2
from tests.vectors.files import vectors
from tests.vectors.generate_jose_sm2 import b64u, text
from tests.vectors.sm2_reference import encode, multiply, sign

FILE = Path(__file__).with_name("oidc_sm2.json")
ISSUER = "https://id.xinji.example"
CLIENT = "xc_0123456789abcdefghijkl"
SUB = "FZkGv2mXh3xVY7sJ8Qw4r1tLpN5cB9eKdA6uTzR0yHo"
IAT = 1767225600
CODE = "SplxlOBeZQQYbYS6WxSbIASplxlOBeZQQYbYS6WxSbIA"
SIGN_IN = {"auth_time": IAT - 60, "acr": "urn:xinji:acr:2fa", "amr": ["pwd", "otp", "mfa"]}


def payloads(at_hash: str, c_hash: str, ath: str, proof_key: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return typ and payload of each kind; `access_token` is made before, because others name its hash."""
    return {
        "id_token": (
            "JWT",
            {
                "iss": ISSUER, "sub": SUB, "aud": CLIENT, "iat": IAT, "exp": IAT + 3600, **SIGN_IN,
                "sid": "018f0000-0000-7000-8000-000000000001", "at_hash": at_hash, "c_hash": c_hash, "nonce": "n-456",
            },
        ),
        "userinfo": ("JWT", {"sub": SUB, "name": "张三", "age_band": "18+", "loa": "L2", "iss": ISSUER, "aud": CLIENT}),
        "introspection": (
            "token-introspection+jwt",
            {
                "iss": ISSUER, "aud": CLIENT, "iat": IAT,
                "token_introspection": {"active": True, "client_id": CLIENT, "sub": SUB, "cnf": {"jkt": proof_key}},
            },
        ),
        "request_object": (
            "oauth-authz-req+jwt",
            {
                "iss": CLIENT, "aud": ISSUER, "iat": IAT, "nbf": IAT, "exp": IAT + 300, "client_id": CLIENT,
                "response_type": "code", "redirect_uri": "https://rp.example.edu.cn/cb", "scope": "openid profile",
                "state": "s-123", "nonce": "n-456", "code_challenge_method": "S256",
                "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            },
        ),
        "dpop_proof": (
            "dpop+jwt",
            {"jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": f"{ISSUER}/oauth/userinfo", "iat": IAT, "ath": ath},
        ),
    }  # fmt: skip


def access_payload(proof_key: str) -> dict[str, Any]:
    """Return the payload of the access token."""
    return {
        "iss": ISSUER, "sub": SUB, "aud": ISSUER, "client_id": CLIENT, "iat": IAT, "exp": IAT + 3600,
        "jti": "xaj_jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "scope": "openid profile", **SIGN_IN,
        "cnf": {"jkt": proof_key},
    }  # fmt: skip


def half_sm3(value: str) -> str:
    return b64u(hashlib.new("sm3", value.encode()).digest()[:16])


def generate() -> str:
    """Return the file's content."""
    d = vectors("sm2.json")["d"]
    point = encode(multiply(int(d, 16)))
    jwk = {"crv": "SM2-P-256", "kty": "EC", "x": b64u(point[1:33]), "y": b64u(point[33:])}
    kid = b64u(hashlib.sha256(text(jwk).encode()).digest())
    z = sm2.z_value(point)

    def token(name: str, typ: str, payload: dict[str, Any]) -> dict[str, Any]:
        own = {"jwk": jwk} if typ == "dpop+jwt" else {"kid": kid}
        header = {"alg": "SGD_SM3_SM2", **own, "typ": typ}
        signing_input = f"{b64u(text(header).encode())}.{b64u(text(payload).encode())}"
        k = hashlib.sha256(f"xinji/vectors/oidc-sm2/{name}".encode()).hexdigest()
        signature = sign(int(d, 16), int(k, 16), signing_input.encode())
        return {
            "name": name,
            "header": header,
            "payload": payload,
            "signing_input": signing_input,
            "e": sm2.digest(z, signing_input.encode()).hex(),
            "k": k,
            "signature": signature.hex(),
            "token": f"{signing_input}.{b64u(signature)}",
        }

    access = token("access_token", "at+jwt", access_payload(kid))
    ath = b64u(hashlib.sha256(access["token"].encode()).digest())
    rest = payloads(half_sm3(access["token"]), half_sm3(CODE), ath, kid)
    document = {
        "source": "home-made by tests/vectors/generate_oidc_sm2.py from GB/T 32918.2, RFC 7515 and docs/profiles",
        "d": d,
        "jwk": {**jwk, "kid": kid, "alg": "SGD_SM3_SM2"},
        "z": z.hex(),
        "code": CODE,
        "tokens": [access, *(token(name, typ, payload) for name, (typ, payload) in rest.items())],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
