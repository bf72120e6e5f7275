"""What the vectors do not reach: bombs, lone tokens, odd statements."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.vectors.making import defects as d
from tests.vectors.making.keys import pair, token
from tests.vectors.making.recipe import Recipe, packed
from tests.vectors.making.world import (
    BASE,
    COUNTY,
    DAY,
    DIPLOMA,
    INDEX,
    JTI,
    LIST_URI,
    LISTED,
    LISTED_UNTIL,
    NOW,
    OTHER_SCHOOL,
    ROOT,
    SERVICE,
    UNIVERSITY,
    Accreditation,
    Change,
    T,
    school,
    status_chain,
    university_chain,
)
from tests.vectors.verification_files import outcome_of, read
from xinji_client import chain
from xinji_client.errors import CheckFailed, FormatError
from xinji_client.status import LIST_BYTES, FreshStatus, inflate, with_token
from xinji_client.times import in_beijing, iso
from xinji_client.trust import load
from xinji_client.verify import verify

VALID = read("valid_university")
TRUST = load(VALID.trust)


def steps_of(bundle: Any, **options: Any) -> dict[str, str]:
    return outcome_of(verify(bundle, TRUST, now=options.pop("now", VALID.now), **options))[2]


def list_token(suite: str, state: int = 0, **members: Any) -> str:
    payload = {
        "sub": LIST_URI,
        "iss": SERVICE,
        "iat": LISTED + DAY,
        "exp": LISTED_UNTIL + DAY,
        "status_list": {"bits": 2, "lst": packed({INDEX: state})},
    }
    return token(payload | members, "status service issuing", suite, typ="statuslist+jwt")


def test_a_bomb_does_not_unpack() -> None:
    whole = bytes(LIST_BYTES)
    assert inflate(zlib.compress(whole, 9)) == whole
    for wrong in (
        zlib.compress(bytes(LIST_BYTES + 1), 9),
        zlib.compress(bytes(64 << 20), 9),
        zlib.compress(whole)[:-1],
        zlib.compress(whole) + b"\0",
        b"",
        b"\0",
    ):
        with pytest.raises(FormatError):
            inflate(wrong)


@pytest.mark.parametrize("state", [0, 1, 2, 3])
def test_the_four_bits_pairs_of_a_byte_are_told_apart(state: int) -> None:
    states = {INDEX - 2: 3, INDEX - 1: 2, INDEX: state, INDEX + 1: 1}
    lists = Recipe(listed=lambda p: p["status_list"].update(lst=packed(states))).make()
    expected = ["status_ok", "status_revoked", "status_suspended", "status_superseded"][state]
    assert steps_of(lists)["status"] == expected


@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_one_fresh_token_of_either_suite_is_enough(suite: str) -> None:
    later = VALID.now.replace(day=2)
    assert steps_of(VALID.bundle, now=later)["status"] == "status_stale"
    for state, code in enumerate(("status_ok", "status_revoked")):
        fresh = with_token(VALID.bundle["status"], list_token(suite, state) + "\n")
        assert steps_of(VALID.bundle, now=later, fresh_status=fresh)["status"] == code


def test_a_fresh_token_must_be_of_a_suite_that_the_credential_has() -> None:
    gm_only = read("valid_gm_only").bundle
    fresh = with_token(gm_only["status"], list_token("intl"))
    assert steps_of(gm_only, now=VALID.now.replace(day=2), fresh_status=fresh)["status"] == "status_missing"
    assert steps_of(gm_only, fresh_status=FreshStatus())["status"] == "status_missing"


def test_a_fresh_token_needs_the_bundles_accreditation_of_its_service() -> None:
    bundle = VALID.bundle | {"status": None}
    fresh = with_token(None, list_token("gm"))
    assert steps_of(bundle, now=VALID.now.replace(day=2), fresh_status=fresh)["status"] == "status_mismatch"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        "e30.e30.e30",
        VALID.bundle["credential"]["gm"],
        token({}, "x", "gm", typ="statuslist+jwt", alg="none"),
        "W10.e30.",
    ],
)
def test_what_is_no_list_token(text: str) -> None:
    with pytest.raises(FormatError):
        with_token(VALID.bundle["status"], text)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"iat": None}, "status_mismatch"),
        ({"exp": "1"}, "status_mismatch"),
        ({"iss": 5}, "status_mismatch"),
        ({"iss": f"{ROOT}"}, "status_signature"),
        ({"status_list": []}, "status_mismatch"),
        ({"status_list": {"bits": 2}}, "status_mismatch"),
        ({"status_list": {"bits": 4, "lst": packed({})}}, "status_mismatch"),
    ],
)
def test_lists_of_another_form(members: dict[str, Any], code: str) -> None:
    assert steps_of(Recipe(listed=lambda p: p.update(members)).make())["status"] == code


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(sub="https://elsewhere.example/authorities/410000/status"),
        lambda p: p["metadata"]["xinji_status_provider"].update(province=["41", "61"]),
        lambda p: p["metadata"]["xinji_status_provider"].update(province=["61"]),
        lambda p: p["metadata"].pop("xinji_status_provider"),
    ],
)
def test_only_the_provinces_own_service_signs_lists(change: Change) -> None:
    service = status_chain()
    change(service[0].payload)
    recipe = Recipe(status_chain=service, listed=lambda p: p.update(iss=service[0].payload["sub"]))
    assert steps_of(recipe.make())["status"] == "status_signature"


def test_clocks_may_differ_by_five_minutes() -> None:
    assert steps_of(VALID.bundle, now=datetime.fromtimestamp(LISTED - 300, UTC))["status"] == "status_ok"


def test_a_list_whose_issuer_is_not_a_school_s_province() -> None:
    chain_of_county = status_chain()
    chain_of_county[0].payload["sub"] = f"{COUNTY}/status"
    assert steps_of(Recipe(status_chain=chain_of_county).make())["status"] == "status_signature"
    elsewhere = Recipe(issuer="https://no school")
    assert steps_of(elsewhere.make()) | {"issuer": "issuer_not_accredited"} == steps_of(elsewhere.make())
    assert steps_of(elsewhere.make())["status"] == "status_signature"
    assert steps_of(elsewhere.make())["inclusion"] == "inclusion_entry_mismatch"


def test_a_reason_that_is_badly_signed_is_not_shown() -> None:
    said = {"iss": SERVICE, "jti": JTI, "status": 1, "reason": "fraud", "at": LISTED, "iat": LISTED}
    for signer in ("status service issuing", "university issuing"):
        bundle = Recipe(state=1).make()
        bundle["status"]["statement"] = pair(said, signer, typ="xinji-status-statement+jwt")
        evidence = verify(bundle, TRUST, now=VALID.now)["steps"][2]["evidence"]
        assert evidence.get("reason") == ("fraud" if signer == "status service issuing" else None)


def with_leaf(change: Change) -> dict[str, str]:
    return steps_of(Recipe(chain=d.chain_with(0, change)).make())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p.pop("iss"), "issuer_chain"),
        (lambda p: p.update(sub="somebody"), "issuer_chain"),
        (lambda p: p.update(sub=f"{BASE}/schools/{'4' * 300}"), "issuer_chain"),
        (lambda p: p.update(iat=p["exp"]), "issuer_chain"),
        (lambda p: p.update(crit=["x"]), "issuer_chain"),
        (lambda p: p.update(metadata_policy_crit=["x"]), "issuer_chain"),
        (lambda p: p.update(jwks=None), "issuer_chain"),
        (lambda p: p.update(constraints={"naming": {}}), "issuer_chain"),
        (lambda p: p.update(constraints=[]), "issuer_chain"),
        (lambda p: p.update(constraints={"max_path_length": 0}), "issuer_ok"),
        (lambda p: p.update(metadata_policy=[]), "issuer_chain"),
        (lambda p: p.update(metadata_policy={"xinji_credential_issuer": []}), "issuer_chain"),
        (
            lambda p: p.update(metadata_policy={"xinji_credential_issuer": {"province": {"subset_of": "41"}}}),
            "issuer_chain",
        ),
        (
            lambda p: p.update(
                metadata_policy={"xinji_credential_issuer": {"province": {"subset_of": ["41"], "essential": True}}}
            ),
            "issuer_chain",
        ),
        (
            lambda p: p.update(metadata_policy={"xinji_credential_issuer": {"colour": {"subset_of": ["red"]}}}),
            "issuer_not_accredited",
        ),
        (lambda p: p.update(metadata_policy={"federation_entity": {"x": 1}}), "issuer_ok"),
        (d.issuer_metadata(school_type=["42"]), "issuer_not_accredited"),
        (d.issuer_metadata(credential_types=None), "issuer_type"),
        (lambda p: p.update(metadata=[]), "issuer_not_accredited"),
    ],
)
def test_statements_of_another_form(change: Change, code: str) -> None:
    assert with_leaf(change)["issuer"] == code


def test_a_statement_that_lacks_a_suite_of_the_credential() -> None:
    bundle = Recipe().make()
    del bundle["accreditation"][0]["gm"]
    assert steps_of(bundle)["issuer"] == "issuer_chain"


LIMITS = {
    "metadata_policy": {
        "xinji_credential_issuer": {
            "province": {"subset_of": ["41"]},
            "school_type": {"subset_of": ["41"]},
            "credential_types": {"subset_of": [DIPLOMA]},
        }
    },
    "constraints": {"max_path_length": 2},
}


def test_somebody_may_not_stand_twice_in_a_chain() -> None:
    around = Accreditation(
        {**university_chain()[0].payload, "iss": ROOT, "sub": ROOT, "metadata": {}, "jwks": d.jwks_of("root")} | LIMITS,
        "root",
        "0000410000",
    )
    assert steps_of(Recipe(chain=[*university_chain(), around]).make())["issuer"] == "issuer_chain"


def test_a_school_accredits_nobody_even_with_limits() -> None:
    leaf = school(UNIVERSITY, OTHER_SCHOOL, "other school", zh="假分校", en="Not a School")
    above = university_chain()
    above[0].payload |= LIMITS
    below = Accreditation(leaf, "university federation", "4141010475")
    recipe = Recipe(chain=[below, *above], issuer=OTHER_SCHOOL, keys="other school issuing")
    assert steps_of(recipe.make())["issuer"] == "issuer_chain"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p.pop("constraints"), "issuer_chain"),
        (lambda p: p["metadata_policy"]["xinji_credential_issuer"].pop("province"), "issuer_chain"),
        (lambda p: p.update(iat=T), "issuer_ok"),
        (lambda p: p.update(exp=T + 1), "issuer_ok"),
    ],
)
def test_authorities_are_limited_and_in_force(change: Change, code: str) -> None:
    assert steps_of(d.high_school(d.chain_with(1, change, long=True)).make())["issuer"] == code


def test_chains_are_short() -> None:
    with pytest.raises(CheckFailed):
        chain.read([{}] * 6)
    with pytest.raises(CheckFailed):
        chain.read([[]])


@pytest.mark.parametrize(
    "proof",
    [
        None,
        [],
        {},
        {"index": 1},
        {"index": -1, "path": []},
        {"index": 0, "path": ["AA=="]},
        {"index": 0, "path": [1]},
        {"index": 0, "path": ["A" * 43 + "="] * 64},
    ],
)
def test_proofs_of_another_form(proof: Any) -> None:
    with pytest.raises(FormatError):
        chain.proof(proof)


@pytest.mark.parametrize("status", [{"state": "gone"}, {"state": "retired", "since": "x"}, {"iss": "x"}])
def test_statuses_of_another_form(status: dict[str, Any]) -> None:
    told = {"state": "retired", "since": NOW, "iat": NOW} | status
    bundle = Recipe(chain=d.chain_with(0, lambda _: None, status=told)).make()
    assert steps_of(bundle)["issuer"] == "issuer_chain"


def test_names_are_those_registered_or_none() -> None:
    def shown(entity: Any) -> tuple[Any, Any]:
        bundle = Recipe(chain=d.chain_with(0, lambda p: p["metadata"].update(federation_entity=entity))).make()
        issuer = verify(bundle, TRUST, now=VALID.now)["credential"]["issuer"]
        return issuer["name"], issuer["name_en"]

    assert shown({"organization_name": "某校"}) == ("某校", "某校")
    assert shown({"organization_name": "某校", "organization_name#en": "Some School"}) == ("某校", "Some School")
    assert shown({"organization_name": 5}) == (None, None)
    assert shown(None) == (None, None)


@pytest.mark.parametrize(
    "anchor",
    [
        [],
        "x",
        {"mode": 5, "size": 99, "root": "A" * 43 + "="},
        {"mode": "embedded", "size": True, "root": "A" * 43 + "="},
        {"mode": "embedded", "size": 99, "root": "AA=="},
        {"mode": "embedded", "size": "99", "root": "A" * 43 + "="},
    ],
)
def test_anchors_of_another_form(anchor: Any) -> None:
    assert steps_of(VALID.bundle | {"anchor": anchor})["anchor"] == "anchor_mismatch"


def test_moments_are_written_in_beijing_time() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(2**60) == str(2**60)
    assert in_beijing("2026-06-30T16:03:00Z", "zh") == "2026年7月1日 00:03"
    assert in_beijing("2026-06-30T06:03:59Z", "en") == "30 June 2026 14:03"
