from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import InvalidKeyCurveError, JoseError
from joserfc.jwk import ECKey, KeySet

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import InvalidKeyError, InvalidSignatureError, InvalidTokenError
from crypto.jose import (
    GM,
    INTL,
    SUITE_ALG,
    SUITE_HASH,
    SUITE_HASH_NAME,
    SUITES,
    assemble,
    half_hash,
    jose_key,
    jwks,
    peek,
    peek_input,
    sign_jwt,
    signing_input,
    verify_jwt,
)
from crypto.jose_general import MAX_SIGNATURES, assemble_general, verify_general
from crypto.jose_sm2 import Sm2Key
from crypto.keys import ALGORITHMS, EDDSA, ES256, RS256, SGD_SM3_SM2, generate_key, public_key
from tests.vectors.files import vectors
from tests.vectors.generate_jose_sm2 import FILE, generate

KEYS = {alg: generate_key(alg) for alg in ALGORITHMS}
PUBLIC = [key.public for key in KEYS.values()]
VECTOR = vectors("jose_sm2.json")
TYP = "example+jwt"
PAYLOAD = {"iss": "https://xinji.example", "name": "张三𠀀", "n": 1.5}

every = pytest.mark.parametrize("alg", ALGORITHMS)


def forge(header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes = b'{"a":1}', signature: bytes = b"") -> str:
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    return ".".join([*map(b64u, parts), b64u(signature)])


def test_the_generator_reproduces_the_profiles_vectors() -> None:
    assert FILE.read_text(encoding="utf-8") == generate()


def test_the_profile_prints_the_vectors() -> None:
    page = (Path(__file__).parents[3] / "docs" / "profiles" / "jose-sm2.md").read_text("utf-8")
    r, s = VECTOR["signature"][:64], VECTOR["signature"][64:]
    for name in ("d", "k", "header", "payload", "z", "e", "access_token", "at_hash"):
        assert f"`{VECTOR[name]}`" in page
    for value in (r, s, VECTOR["jwk"]["x"], VECTOR["jwk"]["y"], VECTOR["jwk"]["kid"]):
        assert f"`{value}`" in page


def test_the_profiles_token_verifies_and_its_parts_are_ours() -> None:
    key = public_key(VECTOR["jwk"])
    payload = json.loads(VECTOR["payload"])
    assert verify_jwt(VECTOR["token"], [key], typ=TYP, algs={SGD_SM3_SM2}) == payload
    made = signing_input(payload, typ=TYP, alg=SGD_SM3_SM2, key_id=key.key_id)
    assert made.decode() == VECTOR["signing_input"]
    assert assemble(made, bytes.fromhex(VECTOR["signature"])) == VECTOR["token"]
    assert half_hash(SGD_SM3_SM2, VECTOR["access_token"]) == VECTOR["at_hash"]


@every
def test_a_token_verifies_with_its_key(alg: str) -> None:
    token = sign_jwt(PAYLOAD, KEYS[alg], typ=TYP)
    assert verify_jwt(token, PUBLIC, typ=TYP, algs=ALGORITHMS) == PAYLOAD
    assert peek(token) == ({"alg": alg, "kid": KEYS[alg].key_id, "typ": TYP}, PAYLOAD)


@every
def test_a_token_made_in_two_places_is_the_same_token(alg: str) -> None:
    signed = signing_input(PAYLOAD, typ=TYP, alg=alg, key_id=KEYS[alg].key_id)
    assert sign_jwt(PAYLOAD, KEYS[alg], typ=TYP).rpartition(".")[0].encode() == signed
    token = assemble(signed, KEYS[alg].sign(signed))
    assert verify_jwt(token, PUBLIC, typ=TYP, algs=[alg]) == PAYLOAD


@every
def test_no_changed_sign_verifies(alg: str) -> None:
    token = sign_jwt({"a": 1}, KEYS[alg], typ=TYP)
    for at in range(0, len(token), 5):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises((InvalidTokenError, InvalidSignatureError)):
            verify_jwt(changed, PUBLIC, typ=TYP, algs=ALGORITHMS)


@every
def test_another_typ_is_refused(alg: str) -> None:
    token = sign_jwt(PAYLOAD, KEYS[alg], typ=TYP)
    for typ in ("JWT", "example", "EXAMPLE+JWT", ""):
        with pytest.raises(InvalidTokenError, match="typ"):
            verify_jwt(token, PUBLIC, typ=typ, algs=ALGORITHMS)


@every
def test_an_algorithm_that_was_not_asked_for_is_refused(alg: str) -> None:
    token = sign_jwt(PAYLOAD, KEYS[alg], typ=TYP)
    for algs in ([], [other for other in ALGORITHMS if other != alg]):
        with pytest.raises(InvalidTokenError, match="alg"):
            verify_jwt(token, PUBLIC, typ=TYP, algs=algs)


@every
def test_a_token_of_an_unknown_key_is_refused(alg: str) -> None:
    token = sign_jwt(PAYLOAD, generate_key(alg), typ=TYP)
    for keys in (PUBLIC, []):
        with pytest.raises(InvalidTokenError, match="kid"):
            verify_jwt(token, keys, typ=TYP, algs=ALGORITHMS)


def test_none_is_never_an_algorithm() -> None:
    for alg in ("none", "None", "NONE", ""):
        token = forge({"alg": alg, "kid": KEYS[ES256].key_id, "typ": TYP})
        with pytest.raises(InvalidTokenError):
            verify_jwt(token, PUBLIC, typ=TYP, algs=ALGORITHMS)
        with pytest.raises(InvalidTokenError):
            verify_jwt(token, PUBLIC, typ=TYP, algs=[alg])


@every
def test_a_public_key_is_no_hmac_secret(alg: str) -> None:
    """The classic confusion: HS256 under the verifier's own public key."""
    public = KEYS[alg].public
    header = {"alg": "HS256", "kid": public.key_id, "typ": TYP}
    for secret in (json.dumps(public.jwk).encode(), public.point):
        signed = forge(header, {"admin": True}).rpartition(".")[0].encode()
        token = assemble(signed, hmac.digest(secret, signed, "sha256"))
        for algs in (ALGORITHMS, ["HS256"]):
            with pytest.raises(InvalidTokenError):
                verify_jwt(token, PUBLIC, typ=TYP, algs=algs)


@pytest.mark.parametrize("claimed", ALGORITHMS)
@every
def test_a_key_never_verifies_under_anothers_algorithm(alg: str, claimed: str) -> None:
    """ES256 and SM2 have signatures and keys of one size: only the key's own algorithm counts."""
    if alg == claimed:
        return
    key = KEYS[alg]
    signed = signing_input(PAYLOAD, typ=TYP, alg=claimed, key_id=key.key_id)
    with pytest.raises(InvalidTokenError, match="alg"):
        verify_jwt(assemble(signed, key.sign(signed)), PUBLIC, typ=TYP, algs=ALGORITHMS)
    borrowed = signing_input(PAYLOAD, typ=TYP, alg=claimed, key_id=KEYS[claimed].key_id)
    with pytest.raises(InvalidSignatureError):
        verify_jwt(assemble(borrowed, key.sign(borrowed)), PUBLIC, typ=TYP, algs=ALGORITHMS)


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": {}},
        {"jku": "https://evil.example"},
        {"x5u": "https://evil.example"},
        {"x5c": []},
        {"x5t": "AA"},
        {"x5t#S256": "AA"},
        {"crit": ["exp"], "exp": 1},
        {"b64": False},
    ],
)
def test_a_header_that_brings_its_own_key_or_rules_is_refused(extra: dict[str, Any]) -> None:
    key = KEYS[ES256]
    header = {"alg": ES256, "kid": key.key_id, "typ": TYP, **extra}
    signed = forge(header).rpartition(".")[0].encode()
    with pytest.raises(InvalidTokenError, match="header"):
        verify_jwt(assemble(signed, key.sign(signed)), PUBLIC, typ=TYP, algs=ALGORITHMS)


def test_an_unknown_header_parameter_is_refused() -> None:
    key = KEYS[ES256]
    signed = forge({"alg": ES256, "kid": key.key_id, "typ": TYP, "zip": "DEF"}).rpartition(".")[0].encode()
    with pytest.raises(InvalidTokenError, match="header"):
        verify_jwt(assemble(signed, key.sign(signed)), PUBLIC, typ=TYP, algs=ALGORITHMS)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        forge(b"[]"),
        forge(b"1"),
        forge(b"{"),
        forge(b"\xff"),
        forge(b"{}", b"[1]"),
        forge(b"{}", b"null"),
        forge(b"{}", b'{"a":1,"a":2}'),
        forge(b"{}", b'{"a":{"b":1,"b":1}}'),
        forge(b'{"alg":"ES256","alg":"none"}'),
        forge(b"{}", b'{"a":NaN}'),
        forge(b"{}", b'{"a":-Infinity}'),
        forge(b"{}", b"[" * 100_000),
        forge(b"{}") + "=",
        forge(b"{}") + "!",
        "e30=.e30.",
        "e30.e30 .",
        "e31.e30.",
        "e30.信.",
        forge(b"{}") + ".x",
        forge({"alg": ["ES256"]}),
        forge({"kid": {}}),
        forge({"typ": None}),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        peek(token)
    with pytest.raises(InvalidTokenError):
        verify_jwt(token, PUBLIC, typ=TYP, algs=set(ALGORITHMS))


def test_a_huge_token_is_refused() -> None:
    with pytest.raises(InvalidTokenError, match="long"):
        peek("A" * (jose.MAX_TOKEN + 1))


@settings(max_examples=100)
@given(st.text(alphabet="eyJ0.-_9{}=信", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        verify_jwt(text, PUBLIC, typ=TYP, algs=ALGORITHMS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5).filter(lambda t: t.isprintable()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(payload=st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4))
def test_any_payload_comes_back(payload: dict[str, Any]) -> None:
    for alg in (SGD_SM3_SM2, ES256):
        token = sign_jwt(payload, KEYS[alg], typ=TYP)
        assert verify_jwt(token, PUBLIC, typ=TYP, algs=[alg]) == payload


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}, {"a": b"x"}])
def test_what_is_no_json_is_not_signed(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        signing_input(payload, typ=TYP, alg=ES256, key_id="x")
    with pytest.raises(InvalidTokenError):
        sign_jwt(payload, KEYS[ES256], typ=TYP)


def test_a_signing_input_is_read_as_strictly_as_a_token() -> None:
    signed = signing_input(PAYLOAD, typ=TYP, alg=ES256, key_id="k")
    assert peek_input(signed) == ({"alg": ES256, "kid": "k", "typ": TYP}, PAYLOAD)
    for wrong in (b"", b"e30", b"e30.e30.e30", "e30.信".encode(), b"\xff.\xff", b"localhost/log\n1\n"):
        with pytest.raises(InvalidTokenError):
            peek_input(wrong)


def test_the_suites_never_mix() -> None:
    assert SUITES == (GM, INTL)
    assert dict(SUITE_ALG) == {GM: SGD_SM3_SM2, INTL: ES256}
    assert dict(SUITE_HASH_NAME) == {GM: "sm3", INTL: "sha-256"}
    assert SUITE_HASH[GM](b"abc").hex().startswith("66c7f0f4")
    assert SUITE_HASH[INTL](b"abc").hex().startswith("ba7816bf")


def test_half_hashes_follow_the_algorithm() -> None:
    """OIDC Core A.3 has this code with its c_hash."""
    assert half_hash(RS256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk") == "LDktKdoQak3Pk0cnXxCltA"
    assert half_hash(ES256, "x") == half_hash(RS256, "x") != half_hash(SGD_SM3_SM2, "x")
    assert len(half_hash(EDDSA, "x")) == 43
    with pytest.raises(InvalidKeyError):
        half_hash("HS256", "x")


def test_sm2_keys_need_a_set_of_their_own() -> None:
    """A stock library dies on the whole set if one curve is unknown to it: hence two sets."""
    both = jwks(PUBLIC)
    assert [key["alg"] for key in both["keys"]] == list(ALGORITHMS)
    with pytest.raises(KeyError):
        KeySet.import_key_set(both)  # type: ignore[arg-type]
    stock = jwks(key for key in PUBLIC if key.alg != SGD_SM3_SM2)
    assert len(KeySet.import_key_set(stock).keys) == 4  # type: ignore[arg-type]


def test_a_stock_verifier_reads_what_the_suites_sign() -> None:
    token = sign_jwt(PAYLOAD, KEYS[ES256], typ=TYP)
    key = ECKey.import_key(dict(KEYS[ES256].public.jwk))
    assert json.loads(jws.deserialize_compact(token, key, algorithms=[ES256]).payload) == PAYLOAD


class TestJoserfcSeam:
    key = KEYS[SGD_SM3_SM2]

    def test_sm2_is_registered_and_not_recommended(self) -> None:
        token = sign_jwt(PAYLOAD, self.key, typ=TYP)
        jws.deserialize_compact(token, jose_key(self.key.public), algorithms=[SGD_SM3_SM2])
        with pytest.raises(JoseError):
            jws.deserialize_compact(token, jose_key(self.key.public))

    def test_the_key_is_read_from_a_jwk(self) -> None:
        key = Sm2Key.import_key(dict(self.key.public.jwk))
        assert not key.is_private
        assert key.private_key is None
        assert key.public_key == self.key.public
        assert (key.curve_name, key.curve_key_size) == ("SM2-P-256", 256)
        assert key.thumbprint() == key.kid == self.key.key_id
        assert Sm2Key(self.key.public, self.key.public).as_dict() == self.key.public.jwk  # type: ignore[arg-type]

    def test_a_private_key_shows_only_its_public_part(self) -> None:
        key = jose_key(self.key)
        assert key.is_private
        assert key.public_key == self.key.public
        assert key.as_dict(private=True) == self.key.public.jwk

    def test_keys_do_not_come_as_pem(self) -> None:
        with pytest.raises(InvalidKeyCurveError):
            Sm2Key.import_key("-----BEGIN PUBLIC KEY-----")

    def test_the_algorithm_wants_its_own_curve(self) -> None:
        stock = ECKey.generate_key()
        with pytest.raises(InvalidKeyCurveError):
            jws.serialize_compact({"alg": SGD_SM3_SM2}, b"{}", stock, algorithms=[SGD_SM3_SM2])
        token = sign_jwt(PAYLOAD, self.key, typ=TYP)
        with pytest.raises(InvalidKeyCurveError):
            jws.deserialize_compact(token, stock, algorithms=[SGD_SM3_SM2])

    def test_a_registry_takes_no_algorithm_that_was_not_named(self) -> None:
        with pytest.raises(JoseError):
            jose._Registry().get_alg(ES256)


class TestGeneral:
    typ = "xinji-trust+json"
    algs = (SGD_SM3_SM2, ES256)

    def document(self, *algs: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        signed = []
        for alg in algs:
            data = signing_input(payload or PAYLOAD, typ=self.typ, alg=alg, key_id=KEYS[alg].key_id)
            signed.append((data, KEYS[alg].sign(data)))
        return assemble_general(signed)

    def test_it_tells_who_signed(self) -> None:
        document = self.document(SGD_SM3_SM2, ES256)
        payload, signers = verify_general(document, PUBLIC, typ=self.typ, algs=self.algs)
        assert payload == PAYLOAD
        assert [key.alg for key in signers] == [SGD_SM3_SM2, ES256]

    def test_a_signature_counts_once(self) -> None:
        document = self.document(ES256, ES256)
        assert len(verify_general(document, PUBLIC, typ=self.typ, algs=self.algs)[1]) == 1

    def test_unknown_keys_count_for_nothing(self) -> None:
        document = self.document(SGD_SM3_SM2, ES256)
        _, signers = verify_general(document, [KEYS[ES256].public], typ=self.typ, algs=self.algs)
        assert signers == (KEYS[ES256].public,)
        with pytest.raises(InvalidTokenError, match="none"):
            verify_general(document, [generate_key(ES256).public], typ=self.typ, algs=self.algs)

    def test_one_forged_signature_fails_the_whole(self) -> None:
        document = self.document(SGD_SM3_SM2, ES256)
        document["signatures"][1]["signature"] = document["signatures"][0]["signature"]
        with pytest.raises(InvalidSignatureError):
            verify_general(document, PUBLIC, typ=self.typ, algs=self.algs)

    def test_another_payload_under_the_signatures_fails(self) -> None:
        document = self.document(ES256) | {"payload": b64u(b'{"version":99}')}
        with pytest.raises(InvalidSignatureError):
            verify_general(document, PUBLIC, typ=self.typ, algs=self.algs)

    def test_a_typ_or_algorithm_that_was_not_asked_for_fails(self) -> None:
        document = self.document(ES256)
        with pytest.raises(InvalidTokenError):
            verify_general(document, PUBLIC, typ="JWT", algs=self.algs)
        with pytest.raises(InvalidTokenError):
            verify_general(document, PUBLIC, typ=self.typ, algs=[SGD_SM3_SM2])

    def test_signatures_over_two_payloads_are_not_joined(self) -> None:
        data = [signing_input({"a": n}, typ=self.typ, alg=ES256, key_id="k") for n in (1, 2)]
        for signed in ([], [(one, b"") for one in data]):
            with pytest.raises(InvalidTokenError):
                assemble_general(signed)

    @pytest.mark.parametrize(
        "change",
        [
            {"signatures": []},
            {"signatures": {}},
            {"signatures": [1]},
            {"signatures": [{}]},
            {"signatures": [{"protected": "e30", "signature": "", "header": {"kid": "x"}}]},
            {"signatures": [{"protected": "e30.e30", "signature": ""}]},
            {"signatures": [{"protected": 1, "signature": None}]},
            {"signatures": [{"protected": "e30", "signature": ""}] * (MAX_SIGNATURES + 1)},
            {"payload": 1},
            {"payload": ""},
            {"header": {}},
        ],
    )
    def test_any_other_form_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(InvalidTokenError):
            verify_general(self.document(ES256) | change, PUBLIC, typ=self.typ, algs=self.algs)
