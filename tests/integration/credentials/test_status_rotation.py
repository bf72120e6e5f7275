"""The status service gets other keys: what was issued before goes on having bundles that verify, as does what comes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from credentials import sharing, status_publishing
from credentials.errors import NotPublishedError
from credentials.issuer_keys import STATUS_KEYS
from credentials.issuer_setup import ensure_status_keys
from credentials.share_check import check_share
from credentials.status_rotation import Stage, rotate
from credentials.verification import open_trust
from credentials.verification import verify as verify_here
from crypto.errors import UnknownKeyError
from crypto.jose import SUITE_ALG, peek
from crypto.keyring import ACTIVE, NEXT, RETIRED, KeyRing
from ledger.registry.accreditation import Accreditation, Draft, accredit, ensure_authority_keys
from ledger.registry.statement import status_service_claims
from tests.integration.credentials.campus import BASE, Campus, holder

PROVINCE = f"{BASE}/authorities/410000"


def ring_of(campus: Campus) -> KeyRing:
    """The key ring as somebody at the command line opens it, beside the signer."""
    return KeyRing(campus.folder / "keys", bytes(32), campus.clock)


def accredit_service(campus: Campus) -> None:
    """State what the worker of the server states of the status service's keys."""
    by, service = campus.by, campus.by.addresses.status_service
    claims = status_service_claims(province="41", status_keys=ensure_status_keys(by.signer, by.addresses))
    draft = Draft(PROVINCE, service, ensure_authority_keys(by.signer, service), claims)
    accredit(by.database, draft, by=Accreditation(by.signer, by.log, by.clock))


def publish_log(campus: Campus) -> None:
    while campus.world.cycle():
        pass


def list_again(campus: Campus) -> None:
    campus.clock.move(timedelta(seconds=20))
    assert status_publishing.run_once(campus.by) == 1


def rotate_whole(campus: Campus) -> None:
    """Everything that happens between the two calls of the command, and the next list."""
    campus.clock.move(timedelta(hours=1))
    assert rotate(campus.by, ring_of(campus)) is Stage.ANNOUNCED
    accredit_service(campus)
    publish_log(campus)
    assert rotate(campus.by, ring_of(campus)) is Stage.ROTATED
    accredit_service(campus)
    list_again(campus)
    publish_log(campus)


def key_of_list(bundle: dict[str, Any]) -> str:
    return str(peek(bundle["status"]["gm"])[0]["kid"])


def size_of(bundle: dict[str, Any]) -> int:
    return len(json.dumps(bundle, separators=(",", ":")))


def verdict(campus: Campus, bundle: dict[str, Any]) -> str:
    """Verify as somebody else does, and as our own form does; return what both find."""
    report = campus.verify(bundle)
    trust = open_trust((campus.folder / "trust.json").read_bytes(), now=campus.clock.now())
    ours = verify_here(json.dumps(bundle), trust, now=campus.clock.now())
    assert [step["code"] for step in ours["steps"]] == [step["code"] for step in report["steps"]]
    return str(report["verdict"]["code"])


def test_what_was_issued_before_a_rotation_verifies_after_it(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    issued = campus.issue_to()
    first = campus.bundle(issued[0])
    for _ in range(2):
        rotate_whole(campus)
        issued += campus.issue_to()
    bundles = [campus.bundle(credential) for credential in issued]
    assert [verdict(campus, bundle) for bundle in [first, *bundles]] == ["valid"] * 4
    assert len({key_of_list(bundle) for bundle in [first, *bundles]}) == 2
    # Only where the newest keys were accredited after the credential does the status need a log of its own.
    assert [bundle["format"][-1] for bundle in [first, *bundles]] == ["1", "2", "2", "1"]
    assert ["log" in bundle["status"] for bundle in bundles] == [True, True, False]
    assert bundles[0]["status"]["log"]["checkpoint"] != bundles[0]["log"]["checkpoint"]
    assert 0 < size_of(bundles[0]) - size_of(first) < 1_500


def test_a_share_made_before_a_rotation_opens_after_it(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    person = campus.roster.person(credential.person_id)
    assert person is not None
    wish = sharing.Wish(frozenset({"name"}), 30, None, "f")
    made = sharing.create_share(campus.by, credential.id, wish, actor=holder(person))
    rotate_whole(campus)
    trust = campus.trust()
    report = check_share(replace(campus.by, trust_file=lambda: trust.raw), made.code, pin=None, address="203.0.113.7")
    assert report["verdict"]["code"] == "valid"


def test_the_old_keys_sign_until_the_new_ones_are_public(sqlite_campus: Campus) -> None:
    campus, owner = sqlite_campus, sqlite_campus.by.addresses.status_service
    (credential,) = campus.issue_to()
    campus.clock.move(timedelta(hours=1))
    ring = ring_of(campus)
    assert rotate(campus.by, ring) is Stage.ANNOUNCED
    assert rotate(campus.by, ring) is Stage.WAITING  # Nobody has accredited them.
    accredit_service(campus)
    assert rotate(campus.by, ring) is Stage.WAITING  # Somebody has, and the log has not published it.
    states = {record.key_id: record.state for record in ring.records(STATUS_KEYS, owner)}
    assert sorted(states.values()) == [ACTIVE, ACTIVE, NEXT, NEXT]
    list_again(campus)
    publish_log(campus)
    bundle = campus.bundle(credential)
    assert states[key_of_list(bundle)] == ACTIVE
    assert verdict(campus, bundle) == "valid"
    assert rotate(campus.by, ring) is Stage.ROTATED
    after = {record.key_id: record.state for record in ring.records(STATUS_KEYS, owner)}
    assert {name: {ACTIVE: RETIRED, NEXT: ACTIVE}[state] for name, state in states.items()} == after


def test_while_a_new_list_is_not_public_the_one_before_counts(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    rotate_whole(campus)
    public = campus.bundle(credential)["status"]
    list_again(campus)
    assert campus.bundle(credential)["status"] == public
    assert verdict(campus, campus.bundle(credential)) == "valid"
    publish_log(campus)
    assert campus.bundle(credential)["status"]["gm"] != public["gm"]
    assert verdict(campus, campus.bundle(credential)) == "valid"
    campus.clock.move(timedelta(days=1))  # No list was made meanwhile: verifiers say so, and holders have their file.
    assert verdict(campus, campus.bundle(credential)) == "incomplete"
    list_again(campus)
    with pytest.raises(NotPublishedError):  # The newest is not public yet, and those before have expired.
        campus.bundle(credential)


def test_keys_that_sign_at_once_count_when_they_are_accredited(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    before = key_of_list(campus.bundle(credential))
    campus.clock.move(timedelta(hours=1))
    assert rotate(campus.by, ring_of(campus), at_once=True) is Stage.ROTATED
    list_again(campus)
    publish_log(campus)
    bundle = campus.bundle(credential)  # Nobody vouches for the newest list.
    assert key_of_list(bundle) == before
    assert verdict(campus, bundle) == "valid"
    accredit_service(campus)
    list_again(campus)
    publish_log(campus)
    bundle = campus.bundle(credential)
    assert key_of_list(bundle) != before
    assert verdict(campus, bundle) == "valid"


@pytest.mark.parametrize("ended_after", ["announcing", "rotating"])
def test_a_rotation_that_ended_between_the_suites_goes_on(sqlite_campus: Campus, ended_after: str) -> None:
    campus, owner = sqlite_campus, sqlite_campus.by.addresses.status_service
    (credential,) = campus.issue_to()
    campus.clock.move(timedelta(hours=1))
    ring, (first, _) = ring_of(campus), SUITE_ALG.values()
    if ended_after == "announcing":
        ring.generate(STATUS_KEYS, owner, first, NEXT)
    assert rotate(campus.by, ring) is Stage.ANNOUNCED
    assert len(ring.public_keys(STATUS_KEYS, owner, states=(NEXT,))) == 2
    accredit_service(campus)
    publish_log(campus)
    if ended_after == "rotating":
        ring.rotate(STATUS_KEYS, owner, first)
        list_again(campus)  # One suite by the new key, the other by the old one: the statement names both.
        publish_log(campus)
        assert verdict(campus, campus.bundle(credential)) == "valid"
    assert rotate(campus.by, ring) is Stage.ROTATED
    assert len(ring.records(STATUS_KEYS, owner)) == 4
    assert len(ring.public_keys(STATUS_KEYS, owner, states=(ACTIVE,))) == 2


def test_a_service_without_keys_has_none_to_rotate(sqlite_campus: Campus) -> None:
    with pytest.raises(UnknownKeyError):
        rotate(sqlite_campus.by, KeyRing(sqlite_campus.folder / "empty", bytes(32), sqlite_campus.clock))


def test_a_saved_file_says_that_its_list_is_by_a_newer_key(sqlite_campus: Campus) -> None:
    """A verifier that fetched a list is not told that the file is forged because the service's key was changed."""
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    saved = campus.bundle(credential)
    rotate_whole(campus)
    listed = campus.bundle(credential)["status"]
    fresh = saved["status"] | {suite: listed[suite] for suite in SUITE_ALG}
    report = campus.verify(saved, fresh_status=fresh)
    assert report["verdict"]["code"] == "incomplete"
    assert report["steps"][2]["code"] == "status_key_unknown"
    assert campus.verify(saved, fresh_status=listed)["verdict"]["code"] == "valid"
