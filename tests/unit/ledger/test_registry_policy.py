"""OpenID Federation 1.0 §6.1: merging narrows, applying cuts, and what is not understood is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.errors import InvalidStatementError, UnsupportedPolicyError
from ledger.registry.policy import UNLIMITED, Policy, apply, merge, merge_all, parse_policy, policy_claim

kinds = st.sampled_from(["xinji_credential_issuer", "xinji_status_provider"])
names = st.sampled_from(["province", "school_type", "credential_types"])
values = st.lists(st.sampled_from(["11", "34", "41", "61", ""]), unique=True).map(tuple)
policies = st.dictionaries(kinds, st.dictionaries(names, values))
metadata = st.dictionaries(names, values.map(list))


def allowed(policy: Policy, kind: str, name: str, value: str) -> bool:
    limit = policy.get(kind, {}).get(name)
    return limit is None or value in limit


@given(policies)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert parse_policy(json.loads(json.dumps(policy_claim(policy)))) == policy


@given(policies, policies, kinds, names, st.sampled_from(["11", "34", "41", "61", "", "other"]))
def test_merging_allows_exactly_what_both_allow(
    first: Policy, second: Policy, kind: str, name: str, value: str
) -> None:
    both = allowed(first, kind, name, value) and allowed(second, kind, name, value)
    assert allowed(merge(first, second), kind, name, value) == both


@given(policies, policies, policies)
def test_the_order_of_merging_does_not_matter_to_what_is_allowed(a: Policy, b: Policy, c: Policy) -> None:
    def sets(policy: Policy) -> dict[tuple[str, str], frozenset[str]]:
        return {(kind, name): frozenset(limit) for kind, of in policy.items() for name, limit in of.items()}

    assert sets(merge(merge(a, b), c)) == sets(merge(a, merge(b, c))) == sets(merge(c, merge(b, a)))


@given(policies)
def test_merging_with_no_policy_or_itself_changes_nothing(policy: Policy) -> None:
    assert merge(UNLIMITED, policy) == policy
    assert merge(policy, UNLIMITED) == policy
    assert merge(policy, policy) == policy


@given(policies, policies, kinds, metadata)
def test_a_merged_policy_cuts_as_both_would_one_after_the_other(
    first: Policy, second: Policy, kind: str, claimed: dict[str, Any]
) -> None:
    merged = apply(merge(first, second), kind, claimed)
    assert merged == apply(second, kind, apply(first, kind, claimed))
    assert apply(merge(first, second), kind, merged) == merged
    for name, left in merged.items():
        assert [value for value in claimed[name] if value in left] == left


@given(policies, kinds)
def test_an_absent_parameter_stays_absent(policy: Policy, kind: str) -> None:
    assert apply(policy, kind, {"jwks": {}}) == {"jwks": {}}


def test_a_subordinate_cannot_widen() -> None:
    superior = parse_policy({"xinji_credential_issuer": {"province": {"subset_of": ["41"]}}})
    subordinate = parse_policy({"xinji_credential_issuer": {"province": {"subset_of": ["61", "41"]}}})
    assert merge_all([superior, subordinate]) == superior


@pytest.mark.parametrize(
    "operators",
    [
        {"value": ["41"]},
        {"subset_of": ["41"], "add": ["61"]},
        {"superset_of": ["41"]},
        {"one_of": ["41"]},
        {"essential": True},
        {"default": ["41"]},
        {"SUBSET_OF": ["41"]},
        {},
    ],
)
def test_other_operators_are_refused_and_never_skipped(operators: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPolicyError):
        parse_policy({"xinji_credential_issuer": {"province": operators}})


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "subset_of",
        {"xinji_credential_issuer": []},
        {"xinji_credential_issuer": {"province": ["41"]}},
        {"xinji_credential_issuer": {"province": {"subset_of": "41"}}},
        {"xinji_credential_issuer": {"province": {"subset_of": [41]}}},
        {"xinji_credential_issuer": {"province": {"subset_of": ["41", "41"]}}},
        {"xinji_credential_issuer": {"province": {"subset_of": {"41": 1}}}},
        {"xinji_credential_issuer": {"province": {"subset_of": [str(n) for n in range(257)]}}},
        {1: {}},
    ],
)
def test_a_policy_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidStatementError):
        parse_policy(value)


def test_a_limit_on_something_that_is_no_list_is_refused() -> None:
    policy = parse_policy({"xinji_credential_issuer": {"province": {"subset_of": ["41"]}}})
    with pytest.raises(InvalidStatementError):
        apply(policy, "xinji_credential_issuer", {"province": "41"})
