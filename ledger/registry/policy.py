"""What superiors allow: `metadata_policy` with `subset_of`, merged along a chain and applied to a leaf.

Pure. OpenID Federation 1.0 §6.1: merging two `subset_of` gives the intersection of their
values (§6.1.3.1.5), applying one leaves of the subject's values those that are allowed, and a
parameter that the subject does not carry stays absent. Merging can only narrow, so no
subordinate widens what its superior allows.

The other operators change or fill in values; nothing here needs them. A policy that holds
one is refused rather than read in part: a limit that is skipped is no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.registry.errors import InvalidStatementError, UnsupportedPolicyError

Policy = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Entity type -> metadata parameter -> the values allowed, each once."""

UNLIMITED: Policy = {}
_MOST_VALUES = 256


def parse_policy(value: object) -> Policy:
    """Read the JSON value of a `metadata_policy` claim.

    Raises:
        InvalidStatementError: It is not an object of objects of operators, or values repeat.
        UnsupportedPolicyError: It uses another operator than `subset_of`.
    """
    policy: dict[str, dict[str, tuple[str, ...]]] = {}
    for entity_type, parameters in _object(value, "metadata_policy").items():
        limits: dict[str, tuple[str, ...]] = {}
        for name, operators in _object(parameters, f"metadata_policy.{entity_type}").items():
            place = f"metadata_policy.{entity_type}.{name}"
            if set(_object(operators, place)) != {"subset_of"}:
                raise UnsupportedPolicyError(f"{place} uses operators other than subset_of", field=place)
            limits[name] = strings(operators["subset_of"], place)
        policy[entity_type] = limits
    return policy


def policy_claim(policy: Policy) -> dict[str, Any]:
    """Return the JSON value of a `metadata_policy` claim for `policy`."""
    return {
        entity_type: {name: {"subset_of": list(values)} for name, values in limits.items()}
        for entity_type, limits in policy.items()
    }


def merge(superior: Policy, subordinate: Policy) -> Policy:
    """Return the policy that allows what both allow, in the superior's order."""
    merged: dict[str, dict[str, tuple[str, ...]]] = {kind: dict(limits) for kind, limits in superior.items()}
    for entity_type, limits in subordinate.items():
        allowed = merged.setdefault(entity_type, {})
        for name, values in limits.items():
            allowed[name] = _both(allowed[name], values) if name in allowed else values
    return merged


def merge_all(policies: Iterable[Policy]) -> Policy:
    """Merge the policies of a chain, the root's first."""
    merged = UNLIMITED
    for policy in policies:
        merged = merge(merged, policy)
    return merged


def apply(policy: Policy, entity_type: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return `metadata` of one entity type with each limited list reduced to what is allowed.

    Raises:
        InvalidStatementError: A limited parameter is not a list of strings.
    """
    resolved = dict(metadata)
    for name, allowed in policy.get(entity_type, {}).items():
        if name in resolved:
            resolved[name] = list(_both(strings(resolved[name], f"metadata.{entity_type}.{name}"), allowed))
    return resolved


def strings(value: object, place: str) -> tuple[str, ...]:
    """Return a JSON array of different strings as a tuple; `place` names it in the error.

    Raises:
        InvalidStatementError: It is something else.
    """
    if not isinstance(value, list | tuple) or len(value) > _MOST_VALUES:
        raise InvalidStatementError(f"{place} is not a list of at most {_MOST_VALUES} strings", field=place)
    if not all(isinstance(item, str) for item in value) or len(set(value)) != len(value):
        raise InvalidStatementError(f"{place} does not hold different strings", field=place)
    return tuple(value)


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in first if value in second)


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InvalidStatementError(f"{place} is not an object", field=place)
    return value
