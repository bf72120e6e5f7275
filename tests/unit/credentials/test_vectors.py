"""The published vector of docs/profiles/sd-jwt.md: made again, and read by our own code."""

from __future__ import annotations

from pathlib import Path

from credentials import sdjwt, share_code
from crypto.hashes import HASHES
from tests.vectors.files import vectors
from tests.vectors.generate_sd_jwt import PATH, text

VECTOR = vectors("sd_jwt.json")
PROFILE = Path(__file__).parents[3] / "docs/profiles/sd-jwt.md"


def test_the_generator_makes_the_file() -> None:
    assert text() == PATH.read_text("utf-8")


def test_both_suites_disclose_the_claims() -> None:
    for payload in VECTOR["payloads"].values():
        h = HASHES[payload["_sd_alg"]]
        assert sdjwt.claims(payload, VECTOR["disclosures"], h) == VECTOR["claims"]
        assert payload["_sd"] == sorted(set(payload["_sd"]))
        assert len(payload["_sd"]) == 24


def test_we_write_disclosures_as_the_vector_has_them() -> None:
    for number, (name, value) in enumerate(VECTOR["claims"].items()):
        made = sdjwt.disclose(name, value, salt=bytes([number]) * 16)
        assert made.encoded == VECTOR["disclosures"][number]


def test_the_share_code_leads_to_its_keys() -> None:
    share = VECTOR["share"]
    keys = share_code.keys_of(share["code"])
    assert (keys.id.hex(), keys.key.hex()) == (share["id"], share["key"])


def test_the_page_prints_the_vector() -> None:
    page = PROFILE.read_text("utf-8")
    first = sdjwt.parse_disclosure(VECTOR["disclosures"][0])
    printed = [first.encoded, *(first.digest(h) for h in HASHES.values())]
    printed += [VECTOR["share"][name] for name in ("prk", "id", "key")]
    assert [value for value in printed if f"`{value}`" not in page] == []
    assert "0123-4567-89AB-CDEF-GHJG" in page
    assert VECTOR["share"]["code"] == "0123456789ABCDEFGHJG"
