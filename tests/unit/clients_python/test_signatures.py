"""SM2 and its engines, keys, and compact tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.vectors.making import keys as made
from xinji_client import libcrypto, sm2
from xinji_client.encoding import b64u
from xinji_client.errors import EngineMissingError, FormatError, SignatureError
from xinji_client.hashes import HASHES, hkdf_expand_sm3, hkdf_extract_sm3, sha256, sm3
from xinji_client.jws import integer_of, parse, text_of, texts_of
from xinji_client.keys import key, keys, verify_ed25519
from xinji_client.libcrypto import Libcrypto

MESSAGE = b"message digest"
POINT, SIGNATURE = sm2._KNOWN_POINT, sm2._KNOWN_SIGNATURE


def test_hashes_give_the_published_values() -> None:
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    assert HASHES["sha-256"](b"").hex().startswith("e3b0c44298fc1c14")
    # HMAC-SM3 of the standard's appendix: key 01..20, data cd × 50.
    mac = hkdf_extract_sm3(bytes(range(1, 33)), b"\xcd" * 50).hex()
    assert mac == "08c4941eb7c3ab361cfdadf6b35ca41ea9dbd2b2becdfaa0618023f9799ab5ac"
    assert len(hkdf_expand_sm3(b"k" * 32, b"id", 16)) == 16


def test_the_standards_example_verifies() -> None:
    """GB/T 32918.5, annex A."""
    assert sm2.digest(POINT, MESSAGE) == sm2._KNOWN_DIGEST
    sm2.verify(POINT, SIGNATURE, MESSAGE)


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_no_other_signature_verifies(place: int) -> None:
    other = bytearray(SIGNATURE)
    other[place] ^= 1
    with pytest.raises(SignatureError):
        sm2.verify(POINT, bytes(other), MESSAGE)
    with pytest.raises(SignatureError):
        sm2.verify(POINT, SIGNATURE, MESSAGE + b".")


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNATURE[:-1],
        SIGNATURE + b"\0",
        b"\0" * 64,
        b"\0" * 32 + SIGNATURE[32:],
        SIGNATURE[:32] + b"\0" * 32,
        sm2.N.to_bytes(32) + SIGNATURE[32:],
        SIGNATURE[:32] + sm2.N.to_bytes(32),
        (1).to_bytes(32) + (sm2.N - 1).to_bytes(32),  # r + s = n
    ],
)
def test_numbers_out_of_range_reach_no_engine(signature: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sm2, "engine", lambda: lambda *_: True)
    with pytest.raises(SignatureError):
        sm2.verify(POINT, signature, MESSAGE)


@pytest.mark.parametrize(
    "point",
    [
        b"",
        POINT[:-1],
        b"\x05" + POINT[1:],
        b"\x04" + bytes(64),
        POINT[:-1] + bytes([POINT[-1] ^ 1]),
        b"\x04" + (int.from_bytes(POINT[1:33]) + sm2.P).to_bytes(33)[-32:] + POINT[33:],
        b"\x04" + sm2.P.to_bytes(32) + POINT[33:],
        b"\x04" + POINT[1:33] + b"\xff" * 32,
    ],
)
def test_points_off_the_curve_are_refused(point: bytes) -> None:
    with pytest.raises(FormatError):
        sm2.check_point(point)


def test_a_coordinate_has_one_spelling() -> None:
    """A small x on the curve, written as x + p, is the same point to whoever reduces it."""
    for x in range(100):
        square = (x**3 - 3 * x + sm2.B) % sm2.P
        y = pow(square, (sm2.P + 1) // 4, sm2.P)
        if y * y % sm2.P == square:
            break
    point = b"\x04" + x.to_bytes(32) + y.to_bytes(32)
    assert sm2.check_point(point) == point
    with pytest.raises(FormatError):
        sm2.check_point(b"\x04" + (x + sm2.P).to_bytes(32) + y.to_bytes(32))


def test_all_engines_of_this_machine_answer_rightly() -> None:
    engines = list(sm2._candidates())
    assert len(engines) == 2
    assert all(sm2.answers_rightly(engine) for engine in engines)
    for number in range(8):
        point, message = made.sm2_point(f"engine {number}"), b"message %d" % number
        der = sm2._der(made.sign_sm2(f"engine {number}", message))
        for engine in engines:
            assert engine(point, sm2.digest(point, message), der)
            assert not engine(point, sm2.digest(point, message + b"."), der)


def test_an_engine_that_says_yes_to_everything_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sm2, "_candidates", lambda: iter([lambda *_: True, lambda *_: False]))
    sm2.engine.cache_clear()
    try:
        with pytest.raises(EngineMissingError, match="libssl3"):
            sm2.verify(POINT, SIGNATURE, MESSAGE)
    finally:
        sm2.engine.cache_clear()


def test_without_libcrypto_the_other_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Libcrypto:
        raise EngineMissingError("none")

    monkeypatch.setattr(sm2, "Libcrypto", missing)
    assert len(list(sm2._candidates())) == 1
    monkeypatch.setattr(sm2, "gmssl_pyx", None)
    assert list(sm2._candidates()) == []


def test_libcrypto_is_looked_for_where_systems_keep_it(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError):
        Libcrypto(("no-such-library.so", "libc.so.6"))
    maps = tmp_path / "maps"
    maps.write_text("7f-80 r-xp 0 08:01 42 /usr/lib/with space/libcrypto.so.3\n")
    assert libcrypto._loaded(maps) == ("/usr/lib/with space/libcrypto.so.3",)
    maps.write_text("7f-80 r-xp 0 08:01 42 /usr/lib/libc.so.6\n7f-80 r-xp 0 00:00 0\n")
    assert libcrypto._loaded(maps) == ()
    assert libcrypto._loaded(tmp_path / "nothing") == ()
    assert "libcrypto.so.3" in libcrypto._places()


def test_libcrypto_refuses_a_point_off_the_curve_by_itself() -> None:
    engine = Libcrypto()
    assert engine.verify(POINT, sm2._KNOWN_DIGEST, sm2._der(SIGNATURE))
    off = POINT[:-1] + bytes([POINT[-1] ^ 1])
    assert not engine.verify(off, sm2._KNOWN_DIGEST, sm2._der(SIGNATURE))
    assert not engine.verify(b"", sm2._KNOWN_DIGEST, sm2._der(SIGNATURE))


@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_keys_check_their_own_signatures(suite: str) -> None:
    public = key(made.jwk("somebody", suite))
    signature = made.sign("somebody", suite, MESSAGE)
    public.verify(signature, MESSAGE)
    for wrong in (signature[:-1], signature[1:] + b"\0", bytes(64), made.sign("other", suite, MESSAGE)):
        with pytest.raises(SignatureError):
            public.verify(wrong, MESSAGE)
    with pytest.raises(SignatureError):
        public.verify(signature, MESSAGE + b".")


def changed(suite: str, **members: Any) -> dict[str, Any]:
    jwk: dict[str, Any] = made.jwk("somebody", suite) | members
    return {name: value for name, value in jwk.items() if value is not None}


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        {},
        changed("gm", kty="OKP"),
        changed("gm", crv="P-384"),
        changed("gm", crv=["SM2-P-256"]),
        changed("gm", d="AAAA"),
        changed("gm", x="AAAA"),
        changed("gm", x=None),
        changed("gm", y=b64u(bytes(32))),
        changed("gm", kid="other"),
        changed("gm", kid=None),
        changed("gm", alg="ES256"),
        changed("intl", alg=None),
        changed("intl", y=b64u(bytes(32))),
        changed("intl", crv="SM2-P-256"),
    ],
)
def test_keys_that_are_refused(jwk: Any) -> None:
    with pytest.raises(FormatError):
        key(jwk)


def test_key_sets_are_small_and_say_each_key_once() -> None:
    jwk = made.jwk("somebody", "gm")
    assert len(keys(made.jwks("somebody"))) == 2
    assert keys({"keys": []}) == ()
    refused: list[Any] = [None, {}, {"keys": {}}, {"keys": [jwk, jwk]}, {"keys": [None]}, {"keys": [jwk] * 17}]
    for wrong in refused:
        with pytest.raises(FormatError):
            keys(wrong)


def test_ed25519() -> None:
    public, signature = made.ed25519_public("somebody"), made.sign_ed25519("somebody", MESSAGE)
    verify_ed25519(public, signature, MESSAGE)
    for wrong in ((public, signature[:-1], MESSAGE), (public[:-1], signature, MESSAGE), (public, signature, b"")):
        with pytest.raises(SignatureError):
            verify_ed25519(*wrong)


def tokens() -> list[Any]:
    good = made.token({"a": 1}, "somebody", "gm", typ="t")
    head, payload, signature = good.split(".")
    return [
        None,
        good + "." + signature,
        f"{head}.{payload}",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}.{signature}=",
        f"{b64u(b'[]')}.{payload}.{signature}",
        f"{head}.{b64u(b'[]')}.{signature}",
        f"{head}.{b64u(b'{')}.{signature}",
        "a" * ((1 << 20) + 1),
        made.token({"a": 1}, "somebody", "gm", typ="u"),
        made.token({"a": 1}, "somebody", "intl", typ="t"),
        made.token({"a": 1}, "somebody", "gm", typ="t", alg="none"),
        made.token({"a": 1}, "somebody", "gm", typ="t", kid=5),  # type: ignore[arg-type]
        made.token({"a": 1}, "somebody", "gm", typ="t", crit=["a"]),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("token", tokens())
def test_tokens_that_are_refused(token: Any) -> None:
    with pytest.raises(FormatError):
        parse(token, suite="gm", typ="t")


def test_a_token_is_checked_by_the_key_that_it_names() -> None:
    token = parse(made.token({"a": 1}, "somebody", "gm", typ="t"), suite="gm", typ="t")
    mine, others = keys(made.jwks("somebody")), keys(made.jwks("other"))
    token.verify([*others, *mine])
    with pytest.raises(SignatureError):
        token.verify(others)
    with pytest.raises(SignatureError):
        token.verify(())
    forged = made.token({"a": 1}, "other", "gm", typ="t", kid=mine[0].key_id)
    with pytest.raises(SignatureError):
        parse(forged, suite="gm", typ="t").verify(mine)


@pytest.mark.parametrize("value", [None, "", 5, ["a"]])
def test_payload_texts(value: Any) -> None:
    with pytest.raises(FormatError):
        text_of({"a": value}, "a")


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "1"])
def test_payload_integers(value: Any) -> None:
    with pytest.raises(FormatError):
        integer_of({"a": value}, "a")


@pytest.mark.parametrize("value", [None, "a", [1], {"a": 1}])
def test_payload_lists(value: Any) -> None:
    with pytest.raises(FormatError):
        texts_of({"a": value}, "a")


def test_sha256_is_what_thumbprints_use() -> None:
    """RFC 7638: a P-256 key's own `kid` as another library computes it."""
    assert made.jwk("somebody", "intl")["kid"] == key(made.jwk("somebody", "intl")).key_id
    assert sha256(b"").hex().startswith("e3b0")
