"""One spelling for each value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinji_client.encoding import b64u, canonical, from_b64, from_b64u, strict_again, strict_json
from xinji_client.errors import FormatError


@given(st.binary(max_size=80))
def test_base64url_comes_back_and_has_one_spelling(data: bytes) -> None:
    text = b64u(data)
    assert from_b64u(text) == data
    for other in (text + "=", text + "\n", " " + text, text.replace("-", "+") + "+"):
        with pytest.raises(FormatError):
            from_b64u(other)


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "A+AA", "é", "AA\n", None, 5, b"AAAA"])
def test_what_is_no_base64url(text: Any) -> None:
    with pytest.raises(FormatError):
        from_b64u(text)


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "AB==", "AAA", "AAB=", "A-AA", "é", "AA==\n", None, 5])
def test_what_is_no_base64(text: Any) -> None:
    with pytest.raises(FormatError):
        from_b64(text)


def test_standard_base64() -> None:
    assert from_b64("AA==") == b"\0"
    assert from_b64("+/8=") == b"\xfb\xff"
    assert from_b64("") == b""


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":[{"c":1,"c":2}]}}',
        '{"\\u0061":1,"a":2}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        "9007199254740992",
        "-9007199254740992",
        "1" * 400,
        '"\\ud800"',
        '{"\\udfff":1}',
        "[" * 40 + "]" * 40,
        "[" * 100_000,
        "",
        "{",
        "'a'",
        "\ufeff{}",
        b"\xff",
        b'"\xed\xa0\x80"',
        "{}".encode("utf-16"),
        "1 2",
    ],
)
def test_json_that_two_readers_may_take_differently(text: str | bytes) -> None:
    with pytest.raises(FormatError):
        strict_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":[1,2.5,true,null,"é\\ud83d\\ude00"]}', {"a": [1, 2.5, True, None, "é😀"]}),
        ("9007199254740991", 9007199254740991),
        ("4.0", 4),
        ("-0", 0),
        ("1e3", 1000),
        (b"{}", {}),
        ("[" * 30 + "]" * 30, json.loads("[" * 30 + "]" * 30)),
    ],
)
def test_sound_json(text: str | bytes, value: Any) -> None:
    read = strict_json(text)
    assert read == value
    assert type(read) is type(value)


def test_true_is_not_one() -> None:
    assert canonical({"a": True, "b": 1}) != canonical({"a": 1, "b": 1})
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"a": float("nan")}, {"a": object()}, {"a": 2**60}])
def test_parsed_elsewhere_is_read_again(value: Any) -> None:
    with pytest.raises(FormatError):
        strict_again(value)
    assert strict_again({"a": [1]}) == {"a": [1]}
