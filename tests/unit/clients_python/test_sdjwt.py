"""Credentials and disclosures of another form."""

from __future__ import annotations

import json
import sys
from importlib import reload
from typing import Any

import pytest

from tests.vectors.making.keys import b64u, compact
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import FIELDS, Change
from tests.vectors.verification_files import outcome_of, read
from xinji_client import sm2
from xinji_client.hashes import HASHES
from xinji_client.keys import SUITE_HASH
from xinji_client.trust import load
from xinji_client.verify import verify

VALID = read("valid_university")
TRUST = load(VALID.trust)


def integrity(bundle: Any) -> str:
    return outcome_of(verify(bundle, TRUST, now=VALID.now))[2]["integrity"]


def of_payload(change: Change) -> str:
    return integrity(Recipe(payload=lambda payload, _: change(payload)).make())


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.pop("iss"),
        lambda p: p.update(iat="today"),
        lambda p: p.update(iat=True),
        lambda p: p.update(jti=""),
        lambda p: p.update(vct=1),
        lambda p: p.update(status=[]),
        lambda p: p.update(status={"status_list": []}),
        lambda p: p["status"]["status_list"].update(uri=None),
        lambda p: p["status"]["status_list"].update(idx=-1),
        lambda p: p.update(_sd="x"),
        lambda p: p.update(_sd=[1]),
        lambda p: p.pop("_sd_alg"),
        lambda p: p.update(exp=p["iat"] + 1),
        lambda p: p.update(nbf=p["iat"]),
    ],
)
def test_payloads_of_another_form(change: Change) -> None:
    assert of_payload(change) == "integrity_malformed"


def test_a_claim_that_is_not_known_is_no_fault() -> None:
    assert of_payload(lambda p: p.update(cnf={"jwk": {}})) == "integrity_ok"


def test_true_and_one_are_different_stories() -> None:
    def change(payload: dict[str, Any], suite: str) -> None:
        payload["extra"] = True if suite == "gm" else 1

    assert integrity(Recipe(payload=change).make()) == "integrity_suites_differ"


@pytest.mark.parametrize("credential", [None, [], "x", {}, {"disclosures": []}, {"gm": None, "disclosures": []}])
def test_credentials_without_a_suite(credential: Any) -> None:
    assert integrity(VALID.bundle | {"credential": credential}) == "integrity_malformed"


@pytest.mark.parametrize("shown", [None, {}, [1], [""], ["A" * 65_537], ["AAAA"] * 257])
def test_lists_of_disclosures_that_are_refused(shown: Any) -> None:
    bundle = Recipe().make()
    bundle["credential"]["disclosures"] = shown
    assert integrity(bundle) == "integrity_malformed"


def signed_with(content: Any) -> str:
    """Return the finding on a credential that signs the digest of `content` as a disclosure."""
    text = content if isinstance(content, str) else b64u(compact(content))
    recipe = Recipe()

    def add(payload: dict[str, Any], suite: str) -> None:
        h = HASHES[SUITE_HASH[suite]]
        payload["_sd"].append(b64u(h(text.encode())))

    recipe.payload = add
    bundle = recipe.make()
    bundle["credential"]["disclosures"].append(text)
    return integrity(bundle)


@pytest.mark.parametrize(
    "content",
    [
        ["salt", "name"],
        ["salt", "a", "b", "c"],
        {"salt": "a"},
        [1, "a", "b"],
        ["salt", 1, "b"],
        ["salt", "", "b"],
        ["salt", "...", "b"],
        ["salt", "_sd_alg", "b"],
        ["salt", "iss", "b"],
        ["salt", "cnf", {}],
        ["salt", "exp", 1],
        ["salt", "deep", {"a": [{"b": {"...": 1}}]}],
        ["salt", "deep", [[{"_sd": []}]]],
        ["salt", "name", "a second name"],
        b64u(b"not json"),
    ],
)
def test_signed_disclosures_of_another_form(content: Any) -> None:
    assert signed_with(content) == "integrity_disclosure"


def test_a_disclosure_does_not_replace_a_claim_of_the_payload() -> None:
    bundle = Recipe(fields=FIELDS | {"extra": 1}, payload=lambda p, _: p.update(extra=2)).make()
    assert integrity(bundle) == "integrity_disclosure"


def test_a_field_may_be_any_json() -> None:
    assert signed_with(["salt", "courses", [{"name": "x", "credits": 2.5}, [None, True]]]) == "integrity_ok"


def test_fields_come_out_as_they_were_signed() -> None:
    report = verify(VALID.bundle, TRUST, now=VALID.now)
    assert report["credential"]["claims"] == json.loads(json.dumps(FIELDS))


def test_a_key_that_is_no_key_set_signs_nothing() -> None:
    bundle = Recipe().make()
    bundle["accreditation"][0]["gm"] = bundle["accreditation"][0]["intl"] = "a.b.c"
    assert integrity(bundle) == "integrity_signature"


def test_without_the_extra_package_libcrypto_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmssl_pyx", None)
    try:
        assert reload(sm2).gmssl_pyx is None
        assert len(list(sm2._candidates())) == 1
    finally:
        monkeypatch.undo()
        reload(sm2)
