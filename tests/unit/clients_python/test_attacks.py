"""Whatever is changed in a valid bundle, the verdict is never 有效, and nothing ever raises."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vectors import mutating
from tests.vectors.verification_files import outcome_of, read
from xinji_client import sm2
from xinji_client.errors import EngineMissingError
from xinji_client.trust import load
from xinji_client.verify import verify

VALID = read("valid_university")
LONG = read("valid_long_chain")
REVOKED = read("revoked_with_reason")
OWN = read("valid_status_log_later_checkpoint")
TRUST = load(VALID.trust)


def judge(bundle: Any, trust: Any = TRUST) -> str:
    return str(verify(bundle, trust, now=VALID.now)["verdict"]["code"])


def test_the_unchanged_bundles_are_what_they_are() -> None:
    assert judge(VALID.bundle) == judge(LONG.bundle) == judge(OWN.bundle) == "valid"
    assert judge(REVOKED.bundle) == "revoked"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundle=st.one_of(*(mutating.one_sign_changed(one.bundle) for one in (VALID, LONG, OWN))))
def test_one_sign_of_a_signed_part_is_enough(bundle: dict[str, Any]) -> None:
    assert judge(bundle) == "mismatch"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundle=st.one_of(*(mutating.one_value_changed(one.bundle) for one in (LONG, REVOKED, OWN))))
def test_no_value_makes_it_raise(bundle: dict[str, Any]) -> None:
    report = verify(bundle, TRUST, now=VALID.now)
    assert [step["step"] for step in report["steps"]] == [*VALID.steps]
    json.dumps(report)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundle=mutating.one_value_changed(REVOKED.bundle))
def test_no_change_makes_a_revoked_credential_good(bundle: dict[str, Any]) -> None:
    assert judge(bundle) != "valid"


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=60) | st.text(max_size=60) | mutating.JSON.map(json.dumps))
def test_any_file_is_read_or_refused(data: bytes | str) -> None:
    assert judge(data) == "mismatch"


def test_a_bundle_of_objects_that_json_lacks_is_an_empty_one() -> None:
    assert judge({"format": "xinji/bundle/1", "credential": object()}) == "mismatch"
    assert judge({"format": "xinji/bundle/1", "credential": {"gm": "\ud800"}}) == "mismatch"


def test_a_fresh_status_that_cannot_be_read_is_missing() -> None:
    for fresh in ({"gm": "\ud800"}, {"gm": float("nan")}):
        report = verify(VALID.bundle, TRUST, now=VALID.now, fresh_status=fresh)
        assert outcome_of(report)[2]["status"] == "status_missing"


def test_without_a_trust_file_what_is_in_the_bundle_still_fails() -> None:
    for name in ("disclosure_tampered", "accreditation_missing", "status_missing", "log_missing", "truncated"):
        assert judge(read(name).bundle, None) == "mismatch"
    assert judge(VALID.bundle, None) == "incomplete"


def test_without_sm2_nothing_is_passed_that_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> sm2.Engine:
        raise EngineMissingError("none here")

    monkeypatch.setattr(sm2, "engine", missing)
    for name in ("valid_university", "valid_gm_only", "valid_intl_only"):
        vector = read(name)
        verdict, _, steps = outcome_of(verify(vector.bundle, TRUST, now=vector.now))
        assert verdict == "incomplete"
        assert steps["issuer"] == steps["inclusion"] == "integrity_engine_missing"
    # The disclosures are still looked at, and so is what ES256 signed.
    assert judge(read("disclosure_tampered").bundle) == "mismatch"
    assert judge(read("signature_bad_and_logged").bundle) == "mismatch"
    report = verify(VALID.bundle, TRUST, now=VALID.now)
    assert report["steps"][0]["evidence"]["missing_suites"] == ["gm"]


def test_without_sm2_witnesses_of_the_other_kind_are_a_quorum_or_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> sm2.Engine:
        raise EngineMissingError("none here")

    monkeypatch.setattr(sm2, "engine", missing)
    steps = outcome_of(verify(read("valid_quorum_time").bundle, TRUST, now=VALID.now))[2]
    assert steps["witnesses"] == "witnesses_ok"
    steps = outcome_of(verify(VALID.bundle, TRUST, now=VALID.now))[2]
    assert steps["witnesses"] == "integrity_engine_missing"
    # Who is missing does not matter where nobody of the policy tried.
    steps = outcome_of(verify(read("no_cosignature").bundle, TRUST, now=VALID.now))[2]
    assert steps["witnesses"] == "witnesses_missing"


@pytest.mark.parametrize("moment", [timedelta(), timedelta(hours=19, minutes=59, seconds=59)])
def test_the_list_is_fresh_until_it_expires(moment: timedelta) -> None:
    report = verify(VALID.bundle, TRUST, now=VALID.now + moment)
    assert report["verdict"]["code"] == "valid"


def test_the_report_describes_what_was_signed_and_registered() -> None:
    report = verify(LONG.bundle, TRUST, now=VALID.now)
    credential = report["credential"]
    assert credential["issuer"]["name"] == "示范高中（虚构）"
    assert credential["issuer"]["code"] == "3441999001"
    assert [one["name"] for one in credential["issuer"]["chain"]] == ["中原区教育局", "郑州市教育局", None]
    assert credential["issued_on"] == "2026-06-30"
    assert credential["claims"]["name"] == "\U00020bb7田\U0002a6b2"
    assert credential["claims"]["study_length"] == 4


def test_claims_are_withheld_where_nothing_vouches_for_them() -> None:
    for name in ("disclosure_tampered", "signed_by_another_school", "suites_differ_jti"):
        report = verify(read(name).bundle, TRUST, now=VALID.now)
        assert report["credential"]["claims"] == {}


def test_another_schools_name_is_not_shown_for_this_one() -> None:
    report = verify(read("code_mismatch_iss").bundle, TRUST, now=VALID.now)
    assert report["credential"]["issuer"]["name"] is None
    assert report["credential"]["issuer"]["code"] == "4141010475"


def test_a_reason_is_shown_only_where_it_agrees() -> None:
    def evidence(name: str) -> dict[str, Any]:
        shown: dict[str, Any] = verify(read(name).bundle, TRUST, now=VALID.now)["steps"][2]["evidence"]
        return shown

    assert evidence("revoked_with_reason")["reason"] == "issued_in_error"
    assert evidence("revoked_with_reason")["since"] == "2026-07-01T00:00:00Z"
    for name in ("revoked", "revoked_reason_disagrees", "valid_reason_of_another_status"):
        assert "reason" not in evidence(name)
