"""SM2 from its definition (GB/T 32918.2), in integers and slowly: the source of our home-made vectors.

Independent of every engine, with the nonce as a parameter. For vectors and tests only: nothing
here is constant-time.
"""

from __future__ import annotations

from crypto import sm2

Point = tuple[int, int]
BASE: Point = (sm2.GX, sm2.GY)


def add(left: Point | None, right: Point | None) -> Point | None:
    """Add two points; None is the point at infinity."""
    if left is None or right is None:
        return right if left is None else left
    if left[0] == right[0]:
        if (left[1] + right[1]) % sm2.P == 0:
            return None
        slope = (3 * left[0] ** 2 + sm2.A) * pow(2 * left[1], -1, sm2.P) % sm2.P
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, sm2.P) % sm2.P
    x = (slope**2 - left[0] - right[0]) % sm2.P
    return x, (slope * (left[0] - x) - left[1]) % sm2.P


def multiply(scalar: int, point: Point = BASE) -> Point:
    """Multiply by doubling and adding."""
    result: Point | None = None
    doubled: Point | None = point
    while scalar:
        if scalar & 1:
            result = add(result, doubled)
        doubled = add(doubled, doubled)
        scalar >>= 1
    assert result is not None
    return result


def encode(point: Point) -> bytes:
    """Write a point uncompressed."""
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def sign(d: int, k: int, message: bytes) -> bytes:
    """Sign `message` under the default signer ID with the nonce `k`; return r‖s (§6.1)."""
    e = int.from_bytes(sm2.digest(sm2.z_value(encode(multiply(d))), message), "big")
    r = (e + multiply(k)[0]) % sm2.N
    s = pow(1 + d, -1, sm2.N) * (k - r * d) % sm2.N
    assert r
    assert s
    assert r + k != sm2.N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
