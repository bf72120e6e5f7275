"""What the vectors do not reach: odd statements, lists, proofs, notes and trust files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from credentials.verification import Trust, accredited, log, open_trust, verify
from credentials.verification.findings import UnreadableError
from credentials.verification.reading import read_token, strict_json
from credentials.verification.report import step, verdict
from crypto.errors import CryptoError
from tests.vectors.making import defects as d
from tests.vectors.making.keys import COSIGNATURE_SM2, jwks, note_line, pair, token
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import (
    A_SM2,
    B_ED25519,
    COUNTY,
    JTI,
    LISTED,
    NOW,
    ROOT,
    SERVICE,
    Change,
    T,
    status_chain,
    trust_file,
    trust_payload,
)
from tests.vectors.verification_files import outcome_of, read

VALID = read("valid_university")
TRUST = open_trust(VALID.trust.encode(), now=VALID.now)


def steps_of(bundle: Any, trust: Trust | None = TRUST) -> dict[str, str]:
    return outcome_of(verify(bundle, trust, now=VALID.now))[2]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.pop("iss"),
        lambda p: p.update(iat=True),
        lambda p: p.update(iat=10**15),
        lambda p: p.update(status=[]),
        lambda p: p["status"]["status_list"].update(idx=-1),
        lambda p: p.update(_sd="x"),
        lambda p: p.update(_sd=[1]),
        lambda p: p.update(exp=p["iat"] + 1),
    ],
)
def test_payloads_of_another_form(change: Change) -> None:
    steps = steps_of(Recipe(payload=lambda payload, _: change(payload)).make())
    assert steps["integrity"] == "integrity_malformed"


@pytest.mark.parametrize("shown", [None, {}, [1], [""], ["A" * 65_537], ["AAAA"] * 257])
def test_lists_of_disclosures_that_are_refused(shown: Any) -> None:
    bundle = Recipe().make()
    bundle["credential"]["disclosures"] = shown
    assert steps_of(bundle)["integrity"] == "integrity_malformed"


@pytest.mark.parametrize("credential", [None, [], {}, {"gm": 5, "disclosures": []}])
def test_credentials_without_a_suite(credential: Any) -> None:
    assert steps_of(VALID.bundle | {"credential": credential})["integrity"] == "integrity_malformed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p.update(sub="somebody"), "issuer_chain"),
        (lambda p: p.update(iat=10**14), "issuer_chain"),
        (lambda p: p.update(crit=["x"]), "issuer_chain"),
        (lambda p: p.update(jwks=None), "issuer_chain"),
        (d.issuer_metadata(school_type=["42"]), "issuer_not_accredited"),
        (d.issuer_metadata(jwks=jwks("university federation")), "issuer_chain"),
        (lambda p: p.update(metadata=[]), "issuer_not_accredited"),
        (lambda p: p.update(exp=p["iat"]), "issuer_chain"),
    ],
)
def test_statements_of_another_form(change: Change, code: str) -> None:
    assert steps_of(Recipe(chain=d.chain_with(0, change)).make())["issuer"] == code


@pytest.mark.parametrize("keys", [None, {"keys": [None]}, {"keys": [{"kty": "EC"}]}, {"keys": 5}])
def test_keys_that_cannot_be_read_sign_nothing(keys: Any) -> None:
    bundle = Recipe(chain=d.chain_with(0, d.issuer_metadata(jwks=keys))).make()
    assert steps_of(bundle)["integrity"] == "integrity_signature"


def test_more_types_than_a_superior_allows_fail_even_for_the_type_at_hand() -> None:
    types = ["urn:xinji:credential:diploma:1", "urn:xinji:credential:degree:1"]
    chain = d.chain_with(0, d.issuer_metadata(credential_types=types), long=True)
    assert steps_of(d.high_school(chain).make())["issuer"] == "issuer_type"


def test_the_chain_is_judged_even_where_no_time_is_known() -> None:
    """A trust file without witnesses lowers the ceiling; it does not excuse a bad chain."""
    nobody = d.trust_with(lambda p: p.update(witness_policy={"quorum": 0, "witnesses": []}))()
    trust = open_trust(json.dumps(nobody).encode(), now=VALID.now)
    for name in ("leaf_signed_by_itself", "type_not_allowed", "statement_unlogged", "path_too_long"):
        vector = read(name)
        report = verify(vector.bundle, trust, now=vector.now)
        assert outcome_of(report)[2]["issuer"] == vector.steps["issuer"]
        assert report["verdict"]["code"] == "mismatch"
    # Statements that began one after the other are judged when all of them were in force.
    staggered = d.high_school(d.chain_with(1, lambda p: p.update(iat=p["iat"] + 86_400), long=True)).make()
    assert outcome_of(verify(staggered, trust, now=VALID.now))[2]["issuer"] == "issuer_no_trust"
    # What became of a statement is a matter of time.
    later = read("statement_compromised_at_t")
    assert outcome_of(verify(later.bundle, trust, now=later.now))[2]["issuer"] == "issuer_no_trust"


def test_a_statement_that_lacks_a_suite_of_the_credential() -> None:
    bundle = Recipe().make()
    del bundle["accreditation"][0]["gm"]
    assert steps_of(bundle)["issuer"] == "issuer_chain"


def test_a_school_s_identifier_of_another_form() -> None:
    steps = steps_of(Recipe(issuer="https://no school").make())
    assert steps["issuer"] == "issuer_not_accredited"
    assert steps["status"] == "status_signature"
    assert steps["inclusion"] == "inclusion_entry_mismatch"
    report = verify(Recipe(issuer=COUNTY).make(), TRUST, now=VALID.now)
    assert report["credential"]["issuer"]["code"] is None


@pytest.mark.parametrize("status", [{"state": "gone"}, {"statement": "00"}, {"iss": "x"}])
def test_statement_statuses_of_another_form(status: dict[str, Any]) -> None:
    told = {"state": "retired", "since": NOW, "iat": NOW} | status
    bundle = Recipe(chain=d.chain_with(0, lambda _: None, status=told)).make()
    assert steps_of(bundle)["issuer"] == "issuer_chain"
    bundle["accreditation"][0]["status"] = {"gm": 5}
    assert steps_of(bundle)["issuer"] == "issuer_chain"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"iat": None}, "status_mismatch"),
        ({"exp": 10**14}, "status_mismatch"),
        ({"iss": ROOT}, "status_signature"),
        ({"status_list": []}, "status_mismatch"),
        ({"status_list": {"bits": 2}}, "status_mismatch"),
    ],
)
def test_lists_of_another_form(members: dict[str, Any], code: str) -> None:
    assert steps_of(Recipe(listed=lambda p: p.update(members)).make())["status"] == code


def test_only_the_province_keeps_the_lists() -> None:
    chain = status_chain()
    chain[0].payload["sub"] = f"{COUNTY}/status"
    assert steps_of(Recipe(status_chain=chain).make())["status"] == "status_signature"


def test_a_reason_that_is_badly_signed_is_not_shown() -> None:
    said = {"iss": SERVICE, "jti": JTI, "status": 1, "reason": "fraud", "at": LISTED, "iat": LISTED}
    for signer, shown in (("status service issuing", "fraud"), ("university issuing", None)):
        bundle = Recipe(state=1).make()
        bundle["status"]["statement"] = pair(said, signer, typ="xinji-status-statement+jwt")
        assert verify(bundle, TRUST, now=VALID.now)["steps"][2]["evidence"].get("reason") == shown


@pytest.mark.parametrize("name", ["revoked", "revoked_reason_disagrees", "valid_reason_of_another_status"])
def test_a_reason_that_disagrees_is_not_shown(name: str) -> None:
    evidence = verify(read(name).bundle, TRUST, now=VALID.now)["steps"][2]["evidence"]
    assert "reason" not in evidence
    assert "since" not in evidence


@pytest.mark.parametrize(
    "proof",
    [None, [], {}, {"index": 1}, {"index": 0, "path": [1]}, {"index": 0, "path": ["AA=="]}, {"index": -1, "path": []}],
)
def test_proofs_of_another_form(proof: Any) -> None:
    bundle = Recipe().make()
    bundle["accreditation"][0]["proof"] = proof
    assert steps_of(bundle)["issuer"] == "issuer_unlogged"
    with pytest.raises(UnreadableError):
        log.read_proof({"index": 0, "path": ["A" * 43 + "="] * 64})


@pytest.mark.parametrize("entry", [5, "=", "AAAA", True])
def test_entries_of_another_form(entry: Any) -> None:
    bundle = Recipe(bundle=d.log_with(entry=entry)).make()
    assert steps_of(bundle)["inclusion"] == "inclusion_entry_mismatch"


@pytest.mark.parametrize("checkpoint", [5, "x", [], "\n\n"])
def test_checkpoints_of_another_form(checkpoint: Any) -> None:
    bundle = Recipe(bundle=d.log_with(checkpoint=checkpoint)).make()
    assert steps_of(bundle)["inclusion"] == "inclusion_checkpoint_signature"


def test_a_witness_beyond_all_calendars_does_not_count() -> None:
    recipe = Recipe(cosigners=[(B_ED25519, T)])
    recipe.more_lines = lambda text: [note_line(text, A_SM2[1], COSIGNATURE_SM2, A_SM2[3], time=2**62)]
    assert steps_of(recipe.make())["witnesses"] == "witnesses_quorum"


@pytest.mark.parametrize("anchor", [[], {"mode": 5, "size": 99, "root": "A" * 43 + "="}, {"mode": "x", "size": True}])
def test_anchors_of_another_form(anchor: Any) -> None:
    assert steps_of(VALID.bundle | {"anchor": anchor})["anchor"] == "anchor_mismatch"


def test_an_anchor_beside_an_unreadable_checkpoint_contradicts_nothing() -> None:
    bundle = Recipe(bundle=d.log_with(checkpoint="x")).make()
    assert steps_of(bundle)["anchor"] == "anchor_embedded"


def test_names_are_those_registered_or_none() -> None:
    for entity, shown in (({"organization_name": "某校"}, "某校"), ({"organization_name": 5}, None), (None, None)):
        bundle = Recipe(chain=d.chain_with(0, lambda p, e=entity: p["metadata"].update(federation_entity=e))).make()  # type: ignore[misc]
        assert verify(bundle, TRUST, now=VALID.now)["credential"]["issuer"]["name"] == shown


@pytest.mark.parametrize(
    "text", ["e30.e30.", "x", token({}, "x", "gm", typ="u"), token({}, "x", "gm", typ="t", kid="")]
)
def test_tokens_of_another_form(text: str) -> None:
    with pytest.raises((UnreadableError, CryptoError)):
        read_token(text, suite="gm", typ="t")
    with pytest.raises(UnreadableError):
        read_token(None, suite="gm", typ="t")


def test_json_that_says_each_thing_once() -> None:
    assert strict_json('{"a":[1,-2,"x"]}') == {"a": [1, -2, "x"]}
    for text in ('{"a":1,"a":2}', "NaN", "9007199254740992", "1" * 30, '"\\ud800"', "{"):
        with pytest.raises(UnreadableError):
            strict_json(text)


TrustChange = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(format="xinji/trust/2"),
        lambda p: p.update(threshold=0),
        lambda p: p.update(threshold=2),
        lambda p: p.update(roots={}),
        lambda p: p.pop("issued_at"),
        lambda p: p.update(issued_at="yesterday"),
        lambda p: p.update(issued_at="2026-01-01T00:00:00"),
        lambda p: p["logs"][0].update(hash="md5"),
        lambda p: p["logs"][0].update(hash=[]),
        lambda p: p["logs"][0].update(vkeys=[]),
        lambda p: p["logs"][0].update(vkeys=p["witness_policy"]["witnesses"][0]["vkeys"]),
        lambda p: p.update(witness_policy=None),
        lambda p: p["witness_policy"].update(quorum=4),
        lambda p: p["witness_policy"]["witnesses"][0].update(vkeys=p["logs"][0]["vkeys"]),
        lambda p: p["witness_policy"]["witnesses"].append(p["witness_policy"]["witnesses"][0]),
    ],
)
def test_trust_files_that_are_refused(change: TrustChange) -> None:
    payload = trust_payload()
    change(payload)
    assert open_trust(json.dumps(trust_file(payload)).encode(), now=VALID.now) is None


@pytest.mark.parametrize("data", [None, b"", b"[]", b"{}", b"5", b'{"payload":"W10","signatures":[]}'])
def test_what_is_no_trust_file(data: bytes | None) -> None:
    assert open_trust(data, now=VALID.now) is None


def test_a_root_counts_once() -> None:
    second = {"entity_id": f"{ROOT[:-6]}610000", "provinces": ["61"], "jwks": jwks("root 61")}
    payload = trust_payload()
    payload |= {"roots": [*payload["roots"], second], "threshold": 2}
    for signers, good in ((("root", "root 61"), True), (("root",), False), (("root", "stranger"), False)):
        opened = open_trust(json.dumps(trust_file(payload, signers)).encode(), now=VALID.now)
        assert (opened is not None) == good


def test_a_trust_file_in_force() -> None:
    assert TRUST is not None
    assert TRUST.version == 1
    assert TRUST.expires_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_verdicts() -> None:
    def of(*codes: str, named: bool | None = True) -> str:
        return verdict([step(code, {}) for code in codes], witnesses_named=named)["code"]

    assert of("integrity_ok", "anchor_absent", "holder_not_bound") == "valid"
    assert of("status_revoked") == of("status_revoked", named=False) == "revoked"
    assert of("status_revoked", "anchor_mismatch") == of("integrity_signature") == "mismatch"
    assert of("status_stale") == of("status_stale", named=None) == "incomplete"
    assert of("status_stale", named=False) == "operator_only"


def test_chains_are_short() -> None:
    with pytest.raises(Exception, match="issuer_chain"):
        accredited.read([{}] * 6)
