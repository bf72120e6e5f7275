"""SD-JWT as RFC 9901 has it: its own examples, every round trip, every forgery."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import sdjwt
from credentials.errors import InvalidDisclosureError
from crypto.encoding import b64u, from_b64u
from crypto.hashes import HASHES, sha256, sm3

values: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=40),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=5), max_size=3),
)
names = st.text(min_size=1, max_size=20).filter(lambda name: name not in {"_sd", "...", "_sd_alg"})
claim_sets = st.dictionaries(names, values, max_size=10)
hashes = st.sampled_from(sorted(HASHES))


def test_the_rfc_example_of_a_disclosure() -> None:
    # RFC 9901 §4.2.1 and §4.2.3: the family name Möbius, as printed there (with spaces in its JSON).
    encoded = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    disclosure = sdjwt.parse_disclosure(encoded)
    assert disclosure[:3] == ("_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius")
    assert disclosure.digest(sha256) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_the_rfc_processing_example() -> None:
    # RFC 9901 §5.1: SHA-256 of the disclosure of given_name.
    disclosure = sdjwt.parse_disclosure("WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd")
    assert (disclosure.name, disclosure.value) == ("given_name", "John")
    assert disclosure.digest(sha256) == "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"


@given(claim_sets, hashes, st.integers(10, 30))
def test_what_is_disclosed_is_what_was_signed(claims: dict[str, Any], name: str, count: int) -> None:
    h = HASHES[name]
    disclosures = [sdjwt.disclose(key, value) for key, value in claims.items()]
    listed = sdjwt.digests(disclosures, h, count=count)
    assert len(listed) == count
    assert listed == sorted(set(listed))
    encoded = [disclosure.encoded for disclosure in disclosures]
    assert sdjwt.claims({"_sd": listed}, encoded, h) == claims
    assert sdjwt.split(sdjwt.combine("a.b.c", encoded)) == ("a.b.c", encoded)


@given(claim_sets, st.data())
def test_any_selection_discloses_just_itself(claims: dict[str, Any], data: st.DataObject) -> None:
    disclosures = [sdjwt.disclose(key, value) for key, value in claims.items()]
    payload = {"_sd": sdjwt.digests(disclosures, sm3, count=12)}
    chosen = data.draw(st.sets(st.sampled_from(sorted(claims)))) if claims else set()
    selected = sdjwt.select([disclosure.encoded for disclosure in disclosures], chosen)
    assert sdjwt.claims(payload, selected, sm3) == {key: claims[key] for key in claims if key in chosen}


@given(claim_sets.filter(bool), hashes, st.data())
def test_a_changed_disclosure_belongs_to_nothing(claims: dict[str, Any], name: str, data: st.DataObject) -> None:
    h = HASHES[name]
    disclosures = [sdjwt.disclose(key, value) for key, value in claims.items()]
    payload = {"_sd": sdjwt.digests(disclosures, h, count=12)}
    victim = data.draw(st.sampled_from(disclosures))
    at = data.draw(st.integers(0, len(victim.encoded) - 1))
    sign = data.draw(st.sampled_from("ABCabc019-_").filter(lambda sign: sign != victim.encoded[at]))
    forged = victim.encoded[:at] + sign + victim.encoded[at + 1 :]
    with pytest.raises(InvalidDisclosureError):
        sdjwt.claims(payload, [forged], h)
    with pytest.raises(InvalidDisclosureError):
        sdjwt.claims(payload, [victim.encoded, victim.encoded], h)


def test_the_hash_of_one_suite_does_not_open_the_other() -> None:
    disclosure = sdjwt.disclose("name", "王芳")
    with pytest.raises(InvalidDisclosureError):
        sdjwt.claims({"_sd": sdjwt.digests([disclosure], sm3, count=4)}, [disclosure.encoded], sha256)


def test_salts_have_128_bits_and_differ() -> None:
    salts = {sdjwt.disclose("name", "王芳").salt for _ in range(50)}
    assert len(salts) == 50
    assert all(len(from_b64u(salt)) == 16 for salt in salts)
    assert sdjwt.disclose("a", 1, salt=bytes(16)).salt == b64u(bytes(16))


def test_rare_characters_survive() -> None:
    name = "\U00020bb7\U0002a6d6"  # CJK Extension B, outside the basic plane
    disclosure = sdjwt.disclose("name", name)
    assert name in from_b64u(disclosure.encoded).decode("utf-8")
    assert sdjwt.parse_disclosure(disclosure.encoded).value == name


def encode(content: object) -> str:
    return b64u(json.dumps(content).encode())


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "=",
        "not base64!",
        "é",
        b64u(b"\xff\xfe"),
        b64u(b"[1"),
        b64u(b"[" * 100_000),
        b64u(b'["salt","name",NaN]'),
        encode({"salt": 1}),
        encode(["salt", "value of an array"]),
        encode(["salt", "name", 1, 2]),
        encode([1, "name", 1]),
        encode(["salt", 1, 1]),
        encode(["salt", "_sd", []]),
        encode(["salt", "...", "x"]),
        encode(["salt", "_sd_alg", "x"]),
    ],
)
def test_a_malformed_disclosure_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidDisclosureError):
        sdjwt.parse_disclosure(encoded)


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_reserved_names_are_never_disclosed(name: str) -> None:
    with pytest.raises(InvalidDisclosureError):
        sdjwt.disclose(name, "x")


@pytest.mark.parametrize("combined", ["", "a.b.c", "a.b.c~d", "a.b.c~d~kb.jwt.here"])
def test_a_combined_form_ends_with_a_tilde(combined: str) -> None:
    with pytest.raises(InvalidDisclosureError):
        sdjwt.split(combined)


def test_more_disclosures_than_digests_are_refused() -> None:
    with pytest.raises(InvalidDisclosureError):
        sdjwt.digests([sdjwt.disclose("a", 1), sdjwt.disclose("b", 2)], sm3, count=1)


def test_a_disclosure_never_replaces_a_claim() -> None:
    first, second = sdjwt.disclose("iss", "https://evil"), sdjwt.disclose("iss", "https://worse")
    for payload in ({"iss": "https://good"}, {}):
        signed = {**payload, "_sd": sdjwt.digests([first, second], sm3, count=2)}
        with pytest.raises(InvalidDisclosureError):
            sdjwt.claims(signed, [first.encoded, second.encoded], sm3)


@pytest.mark.parametrize("value", [{"_sd": []}, [{"...": "x"}], {"a": [{"_sd_alg": "sm3"}]}])
def test_nested_disclosures_are_refused_not_ignored(value: object) -> None:
    nested = sdjwt.disclose("address", value)
    with pytest.raises(InvalidDisclosureError):
        sdjwt.claims({"_sd": sdjwt.digests([nested], sm3, count=1)}, [nested.encoded], sm3)


@pytest.mark.parametrize("listed", ["text", [1], {"a": 1}, ["x", "x"]])
def test_a_malformed_sd_array_is_refused(listed: object) -> None:
    with pytest.raises(InvalidDisclosureError):
        sdjwt.claims({"_sd": listed}, [], sm3)


def test_no_sd_array_discloses_nothing() -> None:
    assert sdjwt.claims({}, [], sm3) == {}
