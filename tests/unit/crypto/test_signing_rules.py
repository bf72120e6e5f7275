from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.approvals import Approval, approve, digest_of
from crypto.errors import InvalidEncodingError, SigningRefusedError
from crypto.jose import MAX_TOKEN, signing_input
from crypto.keyring import KeyRecord
from crypto.keys import EDDSA, ES256, RS256, SGD_SM3_SM2
from crypto.signing_rules import MAX_BATCH, Batch, check_alg, check_message, checked_batch

KEY = bytes(range(32))
NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
SCHOOL = "http://localhost:8000/schools/4141010459"
OTHER_SCHOOL = "http://localhost:8000/schools/4141010475"
STATUS = "http://localhost:8000/authorities/410000/status"
ORIGIN = "localhost:8000/log"
VCT = "urn:xinji:credential:diploma:1"
IDS = [f"urn:uuid:00000000-0000-7000-8000-00000000000{n}" for n in range(3)]


def approval(**changes: Any) -> Approval:
    members: dict[str, Any] = {
        "batch_id": "batch",
        "owner": SCHOOL,
        "vct": VCT,
        "item_ids": IDS,
        "approved_by": "registrar",
        "approved_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }
    return approve(KEY, **(members | changes))


def reason_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(SigningRefusedError) as refused:
        call(*arguments)
    assert refused.value.params["reason"] == refused.value.reason
    return refused.value.reason


class TestApproval:
    def test_it_comes_back_from_its_dictionary(self) -> None:
        assert Approval.from_dict(approval().to_dict()) == approval()

    def test_its_batch_opens(self) -> None:
        assert checked_batch(approval(), IDS, KEY).item_ids == frozenset(IDS)

    @pytest.mark.parametrize(
        "change",
        [
            {"batch_id": "other"},
            {"owner": OTHER_SCHOOL},
            {"vct": "urn:xinji:credential:degree:1"},
            {"count": 4},
            {"digest": digest_of(["x"])},
            {"approved_by": "somebody"},
            {"approved_at": NOW - timedelta(days=1)},
            {"expires_at": NOW + timedelta(days=365)},
            {"mac": ""},
            {"mac": "00" * 32},
            {"mac": "信"},
        ],
    )
    def test_a_changed_member_is_a_forgery(self, change: dict[str, Any]) -> None:
        forged = dataclasses.replace(approval(), **change)
        assert reason_of(checked_batch, forged, IDS, KEY) == "approval_forged"

    def test_another_key_is_a_forgery(self) -> None:
        assert reason_of(checked_batch, approval(), IDS, bytes(32)) == "approval_forged"

    @pytest.mark.parametrize("items", [[], IDS[:2], [*IDS, "x"], IDS[::-1], [*IDS[:2], "x"]])
    def test_other_items_are_refused(self, items: list[str]) -> None:
        assert reason_of(checked_batch, approval(), items, KEY) == "batch_items"

    def test_an_item_stands_once(self) -> None:
        twice = [*IDS, IDS[0]]
        assert reason_of(checked_batch, approval(item_ids=twice), twice, KEY) == "batch_items"

    def test_a_batch_has_a_size(self) -> None:
        items = ["x"] * (MAX_BATCH + 1)
        assert reason_of(checked_batch, approval(), items, KEY) == "batch_too_large"

    def test_a_moment_in_another_zone_is_the_same_text_back(self) -> None:
        beijing = approval(approved_at=NOW.astimezone(timezone(timedelta(hours=8))))
        assert Approval.from_dict(beijing.to_dict()).mac == beijing.mac
        checked_batch(Approval.from_dict(beijing.to_dict()), IDS, KEY)

    @pytest.mark.parametrize(
        "change",
        [
            {"approved_at": None},
            {"approved_at": "2026-06-30T04:00:00"},
            {"expires_at": "soon"},
            {"count": "3"},
            {"count": True},
            {"owner": 1},
            {"extra": 1},
        ],
    )
    def test_any_other_dictionary_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(InvalidEncodingError):
            Approval.from_dict(approval().to_dict() | change)
        with pytest.raises(InvalidEncodingError):
            Approval.from_dict({})

    @given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
    def test_the_digest_tells_lists_apart(self, left: list[str], right: list[str]) -> None:
        assert (digest_of(left) == digest_of(right)) == (left == right)


def record(purpose: str, owner: str = SCHOOL, alg: str = ES256) -> KeyRecord:
    return KeyRecord("kid", purpose, owner, alg, "active", NOW, NOW, {}, b"")


def message(typ: str, payload: dict[str, Any], alg: str = ES256, key_id: str = "kid") -> bytes:
    return signing_input(payload, typ=typ, alg=alg, key_id=key_id)


CREDENTIAL = {"iss": SCHOOL, "vct": VCT, "jti": IDS[0], "iat": 1}
BATCH = Batch(approval(), frozenset(IDS))


def test_a_credential_of_the_batch_is_signed() -> None:
    check_message(message("dc+sd-jwt", CREDENTIAL), record("credential"), BATCH)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": OTHER_SCHOOL}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": "http://evil.example/" + SCHOOL}, "issuer"),
        ({"iss": SCHOOL + "/"}, "issuer"),
        ({"vct": "urn:xinji:credential:degree:1"}, "vct"),
        ({"vct": None}, "vct"),
        ({"jti": "urn:uuid:00000000-0000-7000-8000-000000000009"}, "item"),
        ({"jti": None}, "item"),
    ],
)
def test_a_credential_out_of_its_batch_is_refused(change: dict[str, Any], reason: str) -> None:
    payload = CREDENTIAL | change
    assert reason_of(check_message, message("dc+sd-jwt", payload), record("credential"), BATCH) == reason


@pytest.mark.parametrize("jti", [["a"], {"a": 1}])
def test_an_id_that_is_no_text_is_refused(jti: object) -> None:
    assert (
        reason_of(check_message, message("dc+sd-jwt", CREDENTIAL | {"jti": jti}), record("credential"), BATCH) == "item"
    )


def test_a_credential_without_its_own_batch_is_refused() -> None:
    signed = message("dc+sd-jwt", CREDENTIAL)
    assert reason_of(check_message, signed, record("credential"), None) == "batch"
    others = Batch(approval(owner=OTHER_SCHOOL), frozenset(IDS))
    assert reason_of(check_message, signed, record("credential"), others) == "batch"


@pytest.mark.parametrize(
    ("signed", "reason"),
    [
        (message("dc+sd-jwt", CREDENTIAL, alg=SGD_SM3_SM2), "key"),
        (message("dc+sd-jwt", CREDENTIAL, key_id="other"), "key"),
        (message("JWT", CREDENTIAL), "typ"),
        (message("entity-statement+jwt", CREDENTIAL), "typ"),
        (b"", "form"),
        (b"localhost:8000/log\n1\n", "form"),
        (b"e30.e30", "key"),
        (b"e30.W10", "form"),
        (b"x" * (MAX_TOKEN + 1), "size"),
    ],
)
def test_what_is_no_credential_is_refused(signed: bytes, reason: str) -> None:
    assert reason_of(check_message, signed, record("credential"), BATCH) == reason


def test_an_extra_header_parameter_is_refused() -> None:
    header = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZCIsInR5cCI6ImRjK3NkLWp3dCIsIngiOjF9"  # The right header and "x": 1.
    payload = message("dc+sd-jwt", CREDENTIAL).partition(b".")[2]
    assert reason_of(check_message, f"{header}.".encode() + payload, record("credential"), BATCH) == "key"


ALLOWED = [
    ("federation", SCHOOL, "entity-statement+jwt"),
    ("federation", SCHOOL, "xinji-statement-status+jwt"),
    ("status", STATUS, "statuslist+jwt"),
    ("status", STATUS, "xinji-status-statement+jwt"),
]


@pytest.mark.parametrize(("purpose", "owner", "typ"), ALLOWED)
def test_each_purpose_signs_its_types_for_its_owner(purpose: str, owner: str, typ: str) -> None:
    check_message(message(typ, {"iss": owner}), record(purpose, owner), None)
    assert reason_of(check_message, message(typ, {"iss": OTHER_SCHOOL}), record(purpose, owner), None) == "issuer"


@pytest.mark.parametrize("purpose", ["credential", "federation", "status", "trust"])
@pytest.mark.parametrize(
    "typ",
    [
        "dc+sd-jwt",
        "entity-statement+jwt",
        "xinji-statement-status+jwt",
        "statuslist+jwt",
        "xinji-status-statement+jwt",
        "xinji-trust+json",
        "JWT",
        "kb+jwt",
    ],
)
def test_no_purpose_signs_anothers_types(purpose: str, typ: str) -> None:
    own = {"credential": {"dc+sd-jwt"}, "trust": {"xinji-trust+json"}}.get(
        purpose, {each for named, _, each in ALLOWED if named == purpose}
    )
    if typ not in own:
        payload = CREDENTIAL | {"format": "xinji/trust/1"}
        assert reason_of(check_message, message(typ, payload), record(purpose), BATCH) == "typ"


def test_a_typ_that_is_no_text_is_refused() -> None:
    header = b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZCIsInR5cCI6W119"  # "typ": []
    payload = message("x", CREDENTIAL).partition(b".")[2]
    assert reason_of(check_message, header + b"." + payload, record("federation"), None) == "form"


def test_a_trust_file_says_what_it_is() -> None:
    check_message(message("xinji-trust+json", {"format": "xinji/trust/1"}), record("trust"), None)
    assert reason_of(check_message, message("xinji-trust+json", {"iss": SCHOOL}), record("trust"), None) == "form"


def test_a_log_signs_its_own_notes_only() -> None:
    key = record("log", ORIGIN, EDDSA)
    check_message(b"localhost:8000/log\n17\nroot\n", key, None)
    for note in (b"", b"localhost:8000/log", b"localhost:8000/log2\n17\n", b"evil\nlocalhost:8000/log\n"):
        assert reason_of(check_message, note, key, None) == "origin"
    jwt = message("entity-statement+jwt", {"iss": ORIGIN})
    assert reason_of(check_message, jwt, key, None) == "origin"


@pytest.mark.parametrize(
    ("purpose", "alg", "reason"),
    [
        ("oidc", ES256, "purpose"),
        ("", ES256, "purpose"),
        ("credential", RS256, "alg"),
        ("credential", EDDSA, "alg"),
        ("log", ES256, "alg"),
        ("federation", "none", "alg"),
    ],
)
def test_a_purpose_has_its_algorithms(purpose: str, alg: str, reason: str) -> None:
    assert reason_of(check_alg, purpose, alg) == reason
    for allowed in (SGD_SM3_SM2, ES256):
        check_alg("credential", allowed)
    for allowed in (SGD_SM3_SM2, EDDSA):
        check_alg("log", allowed)
