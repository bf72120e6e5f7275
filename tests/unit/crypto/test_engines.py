"""One contract for every engine, and each engine against the others and against pure Python (`gmssl`)."""

from __future__ import annotations

import _hashlib
import ctypes
import secrets
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import gmssl_pyx
import pytest
from gmssl.sm2 import CryptSM2
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm2
from crypto.engines import choice, libcrypto
from crypto.engines.choice import ENGINES, choose, known_answers, sm2_engine
from crypto.engines.gmssl_pyx import GmsslPyxEngine
from crypto.engines.libcrypto import LibcryptoEngine
from crypto.errors import EngineMissingError, InvalidKeyError, InvalidSignatureError
from tests.vectors.files import vectors
from tests.vectors.sm2_reference import encode, multiply

STANDARD = vectors("sm2.json")
EDGE_KEYS = vectors("sm2_edge_keys.json")["keys"]
LIBCRYPTO = LibcryptoEngine()
GMSSL_PYX = GmsslPyxEngine()
BOTH: list[sm2.Engine] = [LIBCRYPTO, GMSSL_PYX]
MESSAGE = b"message digest"

by_engine = pytest.mark.parametrize("engine", BOTH, ids=lambda engine: engine.name)


class Oracle:
    """`gmssl` with its two traps avoided: K from `secrets`, and no prefix for its `lstrip("04")` to eat."""

    def __init__(self, scalar: bytes, point: bytes) -> None:
        self._key = CryptSM2(private_key=scalar.hex(), public_key="")
        self._key.public_key = point[1:].hex()

    def sign(self, message: bytes) -> bytes:
        k = secrets.randbelow(sm2.N - 1) + 1
        return bytes.fromhex(self._key.sign_with_sm3(message, f"{k:064x}"))

    def accepts(self, signature: bytes, message: bytes) -> bool:
        return bool(self._key.verify_with_sm3(signature.hex(), message))


def accepts(engine: sm2.Engine, point: bytes, signature: bytes, message: bytes) -> bool:
    try:
        engine.verifying_key(point).verify(signature, message)
    except InvalidSignatureError:
        return False
    return True


def assert_all_agree(scalar: bytes, point: bytes, message: bytes) -> None:
    oracle = Oracle(scalar, point)
    material = sm2.pkcs8(scalar, point)
    signatures = [engine.signing_key(material).sign(message) for engine in BOTH] + [oracle.sign(message)]
    for signature in signatures:
        forged = message + b"\x00"
        assert all(accepts(engine, point, signature, message) for engine in BOTH)
        assert oracle.accepts(signature, message)
        assert not any(accepts(engine, point, signature, forged) for engine in BOTH)
        assert not oracle.accepts(signature, forged)


@by_engine
def test_it_passes_the_known_answer_test(engine: sm2.Engine) -> None:
    known_answers(engine)


@by_engine
def test_it_verifies_the_standards_signature_and_no_neighbour(engine: sm2.Engine) -> None:
    key = engine.verifying_key(bytes.fromhex(STANDARD["point"]))
    signature = bytes.fromhex(STANDARD["signature"])
    key.verify(signature, MESSAGE)
    for at in range(0, 512, 7):
        changed = bytearray(signature)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(InvalidSignatureError):
            key.verify(bytes(changed), MESSAGE)


@pytest.mark.parametrize("key", EDGE_KEYS, ids=lambda key: key["x_begins"])
def test_all_agree_on_keys_that_begin_oddly(key: dict[str, str]) -> None:
    point = bytes.fromhex(key["point"])
    assert point[1:].hex().startswith(key["x_begins"])
    for engine in BOTH:
        assert engine.signing_key(sm2.pkcs8(bytes.fromhex(key["d"]), point)).point == point
        engine.verifying_key(point).verify(bytes.fromhex(key["signature"]), key["message"].encode())
    assert_all_agree(bytes.fromhex(key["d"]), point, b"x")


@settings(max_examples=15, deadline=None)
@given(d=st.integers(1, sm2.N - 2), message=st.binary(max_size=200))
def test_all_agree_on_random_keys(d: int, message: bytes) -> None:
    assert_all_agree(d.to_bytes(32, "big"), encode(multiply(d)), message)


@pytest.mark.parametrize("d", [1, 2, sm2.N - 2])
def test_all_agree_on_the_outermost_keys(d: int) -> None:
    assert_all_agree(d.to_bytes(32, "big"), encode(multiply(d)), b"")


@by_engine
def test_keys_it_makes_belong_together_and_differ(engine: sm2.Engine) -> None:
    scalar, point = sm2.from_pkcs8(engine.generate())
    assert encode(multiply(int.from_bytes(scalar, "big"))) == point
    assert engine.generate() != engine.generate()


@by_engine
def test_two_signatures_of_one_message_differ(engine: sm2.Engine) -> None:
    key = engine.signing_key(engine.generate())
    assert key.sign(b"x") != key.sign(b"x")


@by_engine
@pytest.mark.parametrize("d", [0, sm2.N - 1, sm2.N, 5])
def test_a_private_key_that_does_not_fit_its_point_is_refused(engine: sm2.Engine, d: int) -> None:
    material = bytearray(engine.generate())
    material[36:68] = d.to_bytes(32, "big")
    with pytest.raises(InvalidKeyError):
        engine.signing_key(bytes(material))


@by_engine
@pytest.mark.parametrize("point", [b"", b"\x04" + bytes(64), bytes.fromhex(STANDARD["point"])[:-1] + b"\x00"])
def test_a_point_off_the_curve_is_refused(engine: sm2.Engine, point: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        engine.verifying_key(point)


@by_engine
@pytest.mark.parametrize("signature", [b"", bytes(64), b"\x01" * 63, b"\xff" * 64, b"\x01" * 32 + bytes(32)])
def test_a_signature_out_of_range_is_refused(engine: sm2.Engine, signature: bytes) -> None:
    with pytest.raises(InvalidSignatureError):
        engine.verifying_key(bytes.fromhex(STANDARD["point"])).verify(signature, MESSAGE)


@by_engine
def test_one_key_signs_in_many_threads(engine: sm2.Engine) -> None:
    key = engine.signing_key(engine.generate())
    public = engine.verifying_key(key.point)

    def round_trip(number: int) -> None:
        message = number.to_bytes(4, "big") * 50
        public.verify(key.sign(message), message)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(round_trip, range(200)))


def test_without_the_signer_id_everybody_else_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL 3 signs with the empty ID unless it is told: the signature fits nobody's rules."""
    key = LIBCRYPTO.signing_key(LIBCRYPTO.generate())
    with monkeypatch.context() as patch:
        patch.setattr(LIBCRYPTO._lib, "EVP_PKEY_CTX_set1_id", lambda *_: 1)
        signature = key.sign(MESSAGE)
        LIBCRYPTO.verifying_key(key.point).verify(signature, MESSAGE)  # As careless as the signer was.
    assert not accepts(LIBCRYPTO, key.point, signature, MESSAGE)
    assert not accepts(GMSSL_PYX, key.point, signature, MESSAGE)
    assert not Oracle(bytes(32), key.point).accepts(signature, MESSAGE)


def test_another_signer_id_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    key = LIBCRYPTO.signing_key(LIBCRYPTO.generate())
    with monkeypatch.context() as patch:
        patch.setattr(sm2, "SIGNER_ID", b"ALICE123@YAHOO.COM")
        signature = key.sign(MESSAGE)
    assert not accepts(LIBCRYPTO, key.point, signature, MESSAGE)


def test_gmssl_breaks_a_key_that_begins_with_04() -> None:
    """Why the oracle is built as it is; see docs/adr/0007."""
    point = bytes.fromhex(next(key["point"] for key in EDGE_KEYS if key["x_begins"] == "04"))
    assert len(CryptSM2(private_key="", public_key=point.hex()).public_key) < 128


def test_libcrypto_is_the_copy_the_interpreter_has_loaded() -> None:
    loaded = LIBCRYPTO._lib.EVP_MD_fetch
    again = ctypes.CDLL(_hashlib.__file__).EVP_MD_fetch
    assert ctypes.cast(loaded, ctypes.c_void_p).value == ctypes.cast(again, ctypes.c_void_p).value


@pytest.mark.parametrize("step", ["EVP_DigestSignInit", "EVP_DigestSign"])
def test_a_failure_inside_libcrypto_is_an_error_and_no_signature(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    key = LIBCRYPTO.signing_key(LIBCRYPTO.generate())
    monkeypatch.setattr(LIBCRYPTO._lib, step, lambda *_: 0)
    with pytest.raises(InvalidKeyError):
        key.sign(b"x")


@pytest.mark.parametrize("step", ["EVP_DigestVerifyInit", "EVP_DigestVerify"])
def test_a_failed_or_negative_answer_of_verify_is_a_refusal(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    key = LIBCRYPTO.verifying_key(bytes.fromhex(STANDARD["point"]))
    for answer in (0, -1):
        monkeypatch.setattr(LIBCRYPTO._lib, step, lambda *_, answer=answer: answer)
        with pytest.raises(InvalidSignatureError):
            key.verify(bytes.fromhex(STANDARD["signature"]), MESSAGE)


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("EVP_PKEY_CTX_new_from_name", None, EngineMissingError),
        ("EVP_PKEY_keygen_init", 0, EngineMissingError),
        ("EVP_PKEY_generate", 0, InvalidKeyError),
    ],
)
def test_a_libcrypto_that_makes_no_keys_says_so(
    monkeypatch: pytest.MonkeyPatch, step: str, answer: int | None, error: type[Exception]
) -> None:
    monkeypatch.setattr(LIBCRYPTO._lib, step, lambda *_: answer)
    with pytest.raises(error):
        LIBCRYPTO.generate()


def test_a_libcrypto_that_takes_no_signer_id_does_not_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    key = LIBCRYPTO.signing_key(LIBCRYPTO.generate())
    monkeypatch.setattr(LIBCRYPTO._lib, "EVP_PKEY_CTX_set1_id", lambda *_: 0)
    with pytest.raises(EngineMissingError):
        key.sign(b"x")


def test_a_key_of_another_kind_is_not_taken_for_sm2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIBCRYPTO._lib, "EVP_PKEY_is_a", lambda *_: 0)
    with pytest.raises(InvalidKeyError):
        LIBCRYPTO.verifying_key(bytes.fromhex(STANDARD["point"]))


def test_a_library_without_sm3_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "_SM3", b"NO-SUCH-HASH")
    with pytest.raises(EngineMissingError):
        LibcryptoEngine()


def test_where_no_library_is_found_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(libcrypto._SIGNATURES, "no_such_function", (None, []))
    with pytest.raises(EngineMissingError, match="libssl3"):
        LibcryptoEngine()


def test_the_second_library_is_tried_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "_hashlib", types.SimpleNamespace(__file__="/no/such/library.so"))
    known_answers(LibcryptoEngine())


def test_a_gmssl_error_while_verifying_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: bytes) -> bool:
        raise gmssl_pyx.GmsslInnerError("libgmssl inner error")

    key = GMSSL_PYX.verifying_key(bytes.fromhex(STANDARD["point"]))
    monkeypatch.setattr(gmssl_pyx, "sm2_verify_sm3_digest", fail)
    with pytest.raises(InvalidSignatureError):
        key.verify(bytes.fromhex(STANDARD["signature"]), MESSAGE)


class AcceptsForgeries(LibcryptoEngine):
    name = "accepts-forgeries"

    def verifying_key(self, point: bytes) -> libcrypto.LibcryptoVerifyingKey:
        key = super().verifying_key(point)
        key.verify = lambda *_: None  # type: ignore[method-assign]
        return key


class AcceptsAnyPoint(LibcryptoEngine):
    name = "accepts-any-point"

    def verifying_key(self, point: bytes) -> libcrypto.LibcryptoVerifyingKey:
        try:
            return super().verifying_key(point)
        except InvalidKeyError:
            return super().verifying_key(bytes.fromhex(STANDARD["point"]))


@pytest.mark.parametrize("engine", [AcceptsForgeries, AcceptsAnyPoint])
def test_an_engine_that_accepts_too_much_fails_the_known_answer_test(engine: type[LibcryptoEngine]) -> None:
    with pytest.raises(EngineMissingError, match="accepts"):
        known_answers(engine())


def test_an_engine_that_fails_or_is_missing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = types.ModuleType("broken_engine")
    broken.Engine = AcceptsForgeries  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_engine", broken)
    engine = choose([("no_such_module", "Engine"), ("broken_engine", "Engine"), ENGINES[1]])
    assert engine.name == "gmssl-pyx"


def test_with_no_engine_the_message_says_what_to_install() -> None:
    with pytest.raises(EngineMissingError, match=r"libssl3.*gmssl-pyx"):
        choose([("no_such_module", "Engine")])


def test_libcrypto_comes_first_and_is_chosen_once() -> None:
    assert sm2_engine().name == "libcrypto"
    assert sm2_engine() is sm2_engine()
    assert choice.ENGINES[0][1] == "LibcryptoEngine"
