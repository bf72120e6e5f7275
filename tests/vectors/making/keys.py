"""Fixed keys and signatures without randomness, so that the generator gives the same bytes again.

SM2 and its nonces are computed here in plain Python: no library signs SM2 without random
nonces. ES256 is deterministic ECDSA (RFC 6979), Ed25519 is so by itself. The keys are public
by their nature: each is the hash of its name. Never use this to sign anything that matters.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

SUITE_ALG = {"gm": "SGD_SM3_SM2", "intl": "ES256"}
SUITE_HASH = {"gm": "sm3", "intl": "sha-256"}
SIGNER_ID = b"1234567812345678"

# GB/T 32918.5: the curve sm2p256v1.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Point = tuple[int, int]


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def from_b64(text: str) -> bytes:
    return base64.b64decode(text)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


HASHES = {"sm3": sm3, "sha-256": sha256}


def _add(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _multiply(scalar: int, point: Point) -> Point:
    result: Point | None = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        doubled = _add(point, point)
        assert doubled is not None
        point, scalar = doubled, scalar >> 1
    assert result is not None
    return result


@cache
def _sm2_key(name: str) -> tuple[int, bytes]:
    d = int.from_bytes(sha256(f"xinji test key, SM2: {name}".encode())) % (N - 1) + 1
    x, y = _multiply(d, G)
    return d, b"\x04" + x.to_bytes(32) + y.to_bytes(32)


@cache
def _p256_key(name: str) -> ec.EllipticCurvePrivateKey:
    d = int.from_bytes(sha256(f"xinji test key, P-256: {name}".encode())) % (P256_N - 1) + 1
    return ec.derive_private_key(d, ec.SECP256R1())


@cache
def _ed25519_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(f"xinji test key, Ed25519: {name}".encode()))


def sm2_point(name: str) -> bytes:
    return _sm2_key(name)[1]


def ed25519_public(name: str) -> bytes:
    return _ed25519_key(name).public_key().public_bytes_raw()


@cache
def sign_sm2(name: str, message: bytes) -> bytes:
    """Sign as GB/T 32918.2 section 6.1, with a nonce that is a hash of key and message; raw r‖s."""
    d, point = _sm2_key(name)
    curve = b"".join(value.to_bytes(32) for value in (P - 3, B, *G))
    z = sm3((8 * len(SIGNER_ID)).to_bytes(2) + SIGNER_ID + curve + point[1:])
    e = int.from_bytes(sm3(z + message))
    k = int.from_bytes(sha256(b"nonce" + d.to_bytes(32) + sha256(message))) % (N - 1) + 1
    r = (e + _multiply(k, G)[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    assert r
    assert s
    assert r + k != N
    return r.to_bytes(32) + s.to_bytes(32)


@cache
def sign_es256(name: str, message: bytes) -> bytes:
    der = _p256_key(name).sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return r.to_bytes(32) + s.to_bytes(32)


def sign_ed25519(name: str, message: bytes) -> bytes:
    return _ed25519_key(name).sign(message)


def jwk(name: str, suite: str) -> dict[str, str]:
    """Return the public JWK of the pair's key for one suite."""
    if suite == "gm":
        crv, point = "SM2-P-256", sm2_point(name)
    else:
        numbers = _p256_key(name).public_key().public_numbers()
        crv, point = "P-256", b"\x04" + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    members = {"crv": crv, "kty": "EC", "x": b64u(point[1:33]), "y": b64u(point[33:])}
    thumbprint = b64u(sha256(json.dumps(members, separators=(",", ":")).encode()))
    return {**members, "kid": thumbprint, "alg": SUITE_ALG[suite]}


def jwks(name: str) -> dict[str, Any]:
    return {"keys": [jwk(name, "gm"), jwk(name, "intl")]}


def sign(name: str, suite: str, message: bytes) -> bytes:
    return sign_sm2(name, message) if suite == "gm" else sign_es256(name, message)


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def token(payload: Any, signer: str, suite: str, *, typ: str, **header: str) -> str:
    """Return a compact JWS. `header` replaces members of the header; `payload` may be bytes, taken as they are."""
    head = {"alg": SUITE_ALG[suite], "typ": typ, "kid": jwk(signer, suite)["kid"]} | header
    body = payload if isinstance(payload, bytes) else compact(payload)
    signed = f"{b64u(compact(head))}.{b64u(body)}"
    return f"{signed}.{b64u(sign(signer, suite, signed.encode()))}"


def pair(payload: Any, signer: str, *, typ: str, suites: tuple[str, ...] = ("gm", "intl")) -> dict[str, str]:
    return {suite: token(payload, signer, suite, typ=typ) for suite in suites}


LOG_ED25519, COSIGNATURE_ED25519 = b"\x01", b"\x04"
LOG_SM2, COSIGNATURE_SM2 = b"\xffxinji/sm2/v1", b"\xffxinji/sm2-cosignature/v1"


def _material(kind: bytes, key: str) -> bytes:
    return kind + (sm2_point(key) if kind[0] == 0xFF else ed25519_public(key))


def key_id(name: str, kind: bytes, key: str) -> bytes:
    return sha256(name.encode() + b"\n" + _material(kind, key))[:4]


def vkey(name: str, kind: bytes, key: str) -> str:
    """Return the verifier key of the key `key` that signs notes as `name`."""
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(_material(kind, key))}"


def note_line(text: str, name: str, kind: bytes, key: str, *, time: int | None = None) -> str:
    """Return a signature line over a note's text; cosignatures carry their time."""
    message, stamp = text.encode(), b""
    if time is not None:
        header = "cosignature/v1" if kind == COSIGNATURE_ED25519 else kind[1:].decode()
        message, stamp = f"{header}\ntime {time}\n".encode() + message, time.to_bytes(8)
    made = sign_sm2(key, message) if kind[0] == 0xFF else sign_ed25519(key, message)
    return f"\u2014 {name} {b64(key_id(name, kind, key) + stamp + made)}\n"
