"""One document in two suites from one set of disclosures."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from credentials import sdjwt
from credentials.document import StatusReference, compose, jti_of, numeric_day
from credentials.types.diploma import DIPLOMA
from crypto.hashes import sha256, sm3
from tests.unit.credentials.test_types import CLAIMS

ID = UUID("019f0000-0000-7000-8000-000000000001")
ISSUER = "http://localhost:8000/schools/4141010459"
STATUS = StatusReference("http://localhost:8000/status/41/1", 77)


def test_both_suites_say_the_same_under_their_own_hashes() -> None:
    document = compose(DIPLOMA, CLAIMS, issuer=ISSUER, credential_id=ID, day=date(2026, 6, 30), status=STATUS)
    gm, intl = document.payloads["gm"], document.payloads["intl"]
    for name in ("iss", "iat", "jti", "vct", "status"):
        assert gm[name] == intl[name]
    assert set(gm) == set(intl) == {"iss", "iat", "jti", "vct", "status", "_sd_alg", "_sd"}
    assert (gm["_sd_alg"], intl["_sd_alg"]) == ("sm3", "sha-256")
    assert len(gm["_sd"]) == len(intl["_sd"]) == 24
    assert not set(gm["_sd"]) & set(intl["_sd"])
    assert sdjwt.claims(gm, document.disclosures, sm3) == CLAIMS
    assert sdjwt.claims(intl, document.disclosures, sha256) == CLAIMS
    assert gm["jti"] == document.jti == jti_of(ID) == f"urn:uuid:{ID}"
    assert gm["iat"] == 1782777600
    assert gm["iat"] % 86_400 == 0
    assert gm["status"] == {"status_list": {"idx": 77, "uri": STATUS.uri}}


def test_no_personal_value_stands_in_a_payload() -> None:
    document = compose(DIPLOMA, CLAIMS, issuer=ISSUER, credential_id=ID, day=date(2026, 6, 30), status=STATUS)
    text = repr(document.payloads)
    assert not [value for value in CLAIMS.values() if len(str(value)) > 4 and str(value) in text]


def test_a_school_may_issue_one_suite_only() -> None:
    shared = {"issuer": ISSUER, "credential_id": ID, "day": date(2026, 6, 30), "status": STATUS}
    one = compose(DIPLOMA, CLAIMS, suites=("intl",), **shared)  # type: ignore[arg-type]  # the keywords are right
    assert list(one.payloads) == ["intl"]


def test_the_number_of_fields_does_not_show() -> None:
    fewer = {name: value for name, value in CLAIMS.items() if name != "school_name_en"}
    document = compose(DIPLOMA, fewer, issuer=ISSUER, credential_id=ID, day=date(2026, 6, 30), status=STATUS)
    assert len(document.payloads["gm"]["_sd"]) == 24
    assert len(document.disclosures) == 14


def test_a_day_is_midnight_utc() -> None:
    assert numeric_day(date(1970, 1, 2)) == 86_400
