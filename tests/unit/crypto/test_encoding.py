from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.canonical import canonical_json
from crypto.encoding import b64, b64u, from_b64, from_b64u
from crypto.errors import CryptoError, InvalidEncodingError


@given(st.binary(max_size=200))
def test_what_was_encoded_comes_back(data: bytes) -> None:
    assert from_b64u(b64u(data)) == data
    assert from_b64(b64(data)) == data


@given(st.text(alphabet="ABab01-_+/=\n \u00e9\u4fe1.", max_size=8))
def test_a_text_decodes_only_if_it_is_the_encoding_of_its_value(text: str) -> None:
    for decode, encode in ((from_b64u, b64u), (from_b64, b64)):
        try:
            data = decode(text)
        except InvalidEncodingError:
            continue
        assert encode(data) == text


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "AAB", "A A", "AA\n", "A+", "A/", "信", "AAA=", "=", "AAAAA"])
def test_base64url_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidEncodingError):
        from_b64u(text)


@pytest.mark.parametrize(
    "text", ["A", "AA", "AA=", "AB==", "AAB=", "A-==", "A_==", "AA==\n", " AA==", "信", "AAA=AAA="]
)
def test_base64_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidEncodingError):
        from_b64(text)


def test_an_encoding_error_is_a_value_error_and_ours() -> None:
    assert issubclass(InvalidEncodingError, ValueError)
    assert issubclass(InvalidEncodingError, CryptoError)


def test_canonical_json_sorts_by_utf_16_and_writes_numbers_as_ecmascript() -> None:
    """RFC 8785 §3.2.3: names sort by UTF-16 code units, so U+1F600 (a surrogate pair) comes before U+FB33."""
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2, "a": 1e21, "b": [True, None, "\n\u4fe1"]}) == (
        '{"a":1e+21,"b":[true,null,"\\n\u4fe1"],"\U0001f600":2,"\ufb33":1}'.encode()
    )


@pytest.mark.parametrize(
    "value", [2**53, float("nan"), float("inf"), {1: 2}, {"a": b"x"}, "\ud800", {"\udc00": 1}, {1, 2}]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidEncodingError):
        canonical_json(value)


def test_a_bottomless_value_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidEncodingError):
        canonical_json(deep)
    while deep:  # Taken apart by hand: freeing it at once would recurse.
        deep = deep.pop()  # type: ignore[assignment]
