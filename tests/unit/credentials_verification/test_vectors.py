"""The server's verifier on the vectors, and beside the offline one on whatever else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials.verification import open_trust, verify
from tests.vectors import mutating
from tests.vectors.verification_files import NAMES, outcome_of, read
from xinji_client import trust as client_trust
from xinji_client import verify as client
from xinji_client.errors import TrustError

VALID, LONG, REVOKED = (read(name) for name in ("valid_university", "valid_long_chain", "revoked_with_reason"))
OWN = read("valid_status_log_later_checkpoint")
TRUST = open_trust(VALID.trust.encode(), now=VALID.now)
CLIENT_TRUST = client_trust.load(VALID.trust)


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_gives_what_it_says(name: str) -> None:
    vector = read(name)
    trust = open_trust(vector.trust.encode(), now=vector.now)
    report = verify(vector.bundle, trust, now=vector.now, status=vector.status)
    assert outcome_of(report) == vector.outcome()


@pytest.mark.parametrize("name", NAMES)
def test_the_report_reads_as_the_offline_one_does(name: str) -> None:
    """Same form, same sentences, same description; the evidence is each one's own."""
    vector = read(name)
    trust = open_trust(vector.trust.encode(), now=vector.now)
    try:
        other: client_trust.Trust | None = client_trust.load(vector.trust)
    except TrustError:
        other = None
    ours = verify(vector.bundle, trust, now=vector.now, status=vector.status, checked_on="offline")
    theirs = client.verify(vector.bundle, other, now=vector.now, fresh_status=vector.status)
    for name_of in ("format", "verdict", "checked_at", "checked_on", "time", "credential"):
        assert ours[name_of] == theirs[name_of]
    told = [[step[part] for part in ("step", "result", "code", "zh", "en")] for step in ours["steps"]]
    assert told == [[step[part] for part in ("step", "result", "code", "zh", "en")] for step in theirs["steps"]]
    json.dumps(ours)


def judge(bundle: Any, trust: Any = TRUST) -> str:
    return str(verify(bundle, trust, now=VALID.now)["verdict"]["code"])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundle=st.one_of(*(mutating.one_sign_changed(one.bundle) for one in (VALID, LONG, OWN))))
def test_one_sign_of_a_signed_part_is_enough(bundle: dict[str, Any]) -> None:
    assert judge(bundle) == "mismatch"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundle=st.one_of(*(mutating.one_value_changed(one.bundle) for one in (LONG, REVOKED, OWN))))
def test_both_verifiers_give_one_verdict(bundle: dict[str, Any]) -> None:
    ours = verify(bundle, TRUST, now=VALID.now)
    theirs = client.verify(bundle, CLIENT_TRUST, now=VALID.now)
    assert ours["verdict"] == theirs["verdict"]
    json.dumps(ours)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=60) | st.text(max_size=60) | mutating.JSON.map(json.dumps))
def test_any_file_is_read_or_refused(data: bytes | str) -> None:
    assert judge(data) == "mismatch"


@pytest.mark.parametrize(
    "bundle",
    [
        {},
        {"format": "xinji/bundle/1", "credential": object()},
        {"format": "xinji/bundle/1", "credential": {"gm": "\ud800"}},
        b'{"format":"xinji/bundle/1"}'.decode().encode("utf-16"),
        b" " * (5 << 20),
        "[" * 40 + "]" * 40,
        "[" * 100_000,
        '{"format":"xinji/bundle/1","a":NaN}',
        '{"format":"xinji/bundle/1","a":9007199254740993}',
    ],
)
def test_bundles_that_are_taken_for_empty_ones(bundle: Any) -> None:
    steps = outcome_of(verify(bundle, TRUST, now=VALID.now))[2]
    assert steps["integrity"] == "integrity_malformed"
    assert steps["inclusion"] == "inclusion_missing"


def test_a_fresh_status_that_cannot_be_read_is_missing() -> None:
    for fresh in ({"gm": "\ud800"}, {"gm": float("nan")}, {}):
        report = verify(VALID.bundle, TRUST, now=VALID.now, status=fresh)
        assert outcome_of(report)[2]["status"] == "status_missing"


def test_without_a_trust_file_what_is_in_the_bundle_still_fails() -> None:
    for name in ("disclosure_tampered", "accreditation_missing", "status_missing", "log_missing", "truncated"):
        assert judge(read(name).bundle, None) == "mismatch"
    assert judge(VALID.bundle, None) == "incomplete"
