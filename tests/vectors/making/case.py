"""What a case is, and what verifiers must find where nothing, or everything, is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import NOW, T, trust_file, trust_payload

VALID = {
    "integrity": "integrity_ok",
    "issuer": "issuer_ok",
    "status": "status_ok",
    "inclusion": "inclusion_ok",
    "witnesses": "witnesses_ok",
    "anchor": "anchor_embedded",
    "holder": "holder_not_bound",
}
# Where the credential itself cannot be read, nothing can be tied to it.
UNREADABLE = {
    "integrity": "integrity_malformed",
    "issuer": "issuer_chain",
    "status": "status_mismatch",
    "inclusion": "inclusion_proof",
}
# A bundle that cannot be read is taken for an empty one.
EMPTY = {
    "integrity": "integrity_malformed",
    "issuer": "issuer_chain",
    "status": "status_missing",
    "inclusion": "inclusion_missing",
    "witnesses": "witnesses_missing",
    "anchor": "anchor_absent",
}
NO_TRUST = {
    "issuer": "issuer_no_trust",
    "status": "status_no_trust",
    "inclusion": "inclusion_no_trust",
    "witnesses": "witnesses_none_named",
}
# Without T nobody can say whether the issuer was accredited then.
NO_QUORUM = {"issuer": "issuer_no_trust", "witnesses": "witnesses_quorum"}
NO_WITNESS = {"issuer": "issuer_no_trust", "witnesses": "witnesses_missing"}


@dataclass
class Case:
    """One file: how its bundle is made, and what verifiers must find."""

    about: str
    recipe: Recipe = field(default_factory=Recipe)
    trust: Callable[[], dict[str, Any]] = lambda: trust_file(trust_payload())
    now: int = NOW
    text: Callable[[str], str] | None = None
    status: Callable[[], dict[str, Any]] | None = None
    verdict: str = "mismatch"
    time: int | None = T
    steps: dict[str, str] = field(default_factory=dict)


def good(about: str, recipe: Recipe | None = None, **changes: Any) -> Case:
    return Case(about, recipe or Recipe(), **({"verdict": "valid"} | changes))


def bad(about: str, recipe: Recipe, steps: dict[str, str] | str, **changes: Any) -> Case:
    """Return a case in which the steps named fail; a code alone names its own step."""
    named = {steps.split("_", 1)[0]: steps} if isinstance(steps, str) else steps
    return Case(about, recipe, steps=named, **changes)
