"""The report of a check: seven steps, each passed, failed or not checked, and one verdict over them.

Codes and sentences stand in `messages.json`, which all verifiers of Xinji share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from xinji_client.times import in_beijing

FORMAT = "xinji/report/1"
MESSAGES_FORMAT = "xinji/messages/1"
LANGUAGES = ("zh", "en")
_STATUS_VERDICTS = {"status_revoked": "revoked", "status_suspended": "suspended", "status_superseded": "superseded"}
_MAY_STAY_OPEN = frozenset(("anchor", "holder"))


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found: `code` is a code of messages.json, `evidence` what it saw."""

    code: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """`passed`, `failed` or `unchecked`."""
        return str(messages()["codes"][self.code]["result"])

    def to_json(self, name: str) -> dict[str, Any]:
        """Return the step as the report carries it, under the step's own `name`."""
        sentence = {
            language: fill(messages()["codes"][self.code][language], self.evidence, language) for language in LANGUAGES
        }
        return {"step": name, "result": self.result, "code": self.code, **sentence, "evidence": dict(self.evidence)}


@cache
def messages() -> Mapping[str, Any]:
    """Return the codes and sentences that all verifiers share."""
    loaded: Mapping[str, Any] = json.loads(files("xinji_client").joinpath("messages.json").read_text(encoding="utf-8"))
    return loaded


def verdict(steps: Mapping[str, Step], *, witnesses_named: bool | None) -> str:
    """Return the verdict's code over the named steps.

    What failed decides first, and a signed status alone names itself; then a trust file
    without witnesses; then what could not be checked. Anchor and holder may stay open.

    Args:
        steps: All seven, by name.
        witnesses_named: Whether the trust file names any; None where there is no usable one.
    """
    failed = [step.code for step in steps.values() if step.result == "failed"]
    if len(failed) == 1 and failed[0] in _STATUS_VERDICTS:
        return _STATUS_VERDICTS[failed[0]]
    if failed:
        return "mismatch"
    if witnesses_named is False:
        return "operator_only"
    if any(step.result == "unchecked" for name, step in steps.items() if name not in _MAY_STAY_OPEN):
        return "incomplete"
    return "valid"


def fill(sentence: str, evidence: Mapping[str, Any], language: str) -> str:
    """Put the evidence into a sentence; what is absent becomes a question mark."""
    return re.sub(r"\{(\w+)\}", lambda found: written(evidence.get(found[1]), language), sentence)


def written(value: Any, language: str) -> str:
    """Write a value for a reader of `language`: moments in Beijing time, lists with commas."""
    if value is None:
        return "?"
    if isinstance(value, list | tuple):
        return ("、" if language == "zh" else ", ").join(written(item, language) for item in value)
    return in_beijing(str(value), language)
