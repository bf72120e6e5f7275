"""Find SM2 keys whose public point begins with bytes that careless code strips.

Run as `python -m tests.vectors.generate_sm2_keys`. Each search starts at a scalar derived from
the prefix and walks by adding the base point, so that it always ends at the same key.
"""

from __future__ import annotations

import json
from pathlib import Path

from crypto.hashes import sm3
from tests.vectors.sm2_reference import BASE, add, encode, multiply, sign

FILE = Path(__file__).with_name("sm2_edge_keys.json")
PREFIXES = ("00", "04", "0404", "0000", "3034", "ff")
MESSAGE = "信籍"
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21


def find(prefix: str) -> dict[str, str]:
    """Return the first key from the prefix's starting point whose x begins with `prefix`."""
    d = int.from_bytes(sm3(f"xinji edge key {prefix}".encode()), "big") >> 1
    point = multiply(d)
    wanted = bytes.fromhex(prefix)
    while not encode(point)[1:].startswith(wanted):
        d += 1
        following = add(point, BASE)
        assert following is not None
        point = following
    signature = sign(d, NONCE, MESSAGE.encode())
    return {
        "x_begins": prefix,
        "d": f"{d:064x}",
        "point": encode(point).hex(),
        "message": MESSAGE,
        "k": f"{NONCE:064x}",
        "signature": signature.hex(),
    }


def generate() -> str:
    """Return the file's content."""
    document = {
        "source": "home-made by tests/vectors/generate_sm2_keys.py; signatures as GB/T 32918.2 §6.1 defines them",
        "keys": [find(prefix) for prefix in PREFIXES],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
