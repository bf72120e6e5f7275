"""The report of a check: seven steps, each passed, failed or not checked, and one verdict over them.

Codes and sentences stand in `messages.json`, which all verifiers of Xinji share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from xinji_client.times import MOMENT, in_beijing

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
    text = str(value)
    return in_beijing(text, language) if MOMENT.fullmatch(text) else text


def as_text(report: Mapping[str, Any], language: str) -> str:
    """Write a report for a terminal, one line a step."""
    texts, lines = messages(), []
    means = texts["verdicts"][report["verdict"]["code"]][f"{language}_means"]
    lines += [report["verdict"][language], means, ""]
    lines += _credential_lines(report["credential"], language) if report["credential"] else []
    for step in report["steps"]:
        name, result = texts["steps"][step["step"]][language], texts["results"][step["result"]][language]
        lines.append(
            f"[{result}] {name}: {step[language]}" if language == "en" else f"【{result}】{name}：{step[language]}"
        )
        shown = {"reason": step["evidence"].get("reason"), "detail": step["evidence"].get("detail")}
        for label, value in shown.items():
            if value:
                said = texts["reasons"].get(value, {}).get(language, value) if label == "reason" else value
                lines.append(f"    {texts['evidence'][label][language]}: {printable(said)}")
    return "\n".join(lines)


def _credential_lines(credential: Mapping[str, Any], language: str) -> Sequence[str]:
    issuer = credential["issuer"]
    name = issuer["name" if language == "zh" else "name_en"] or issuer["entity_id"]
    rows = {
        "credential": credential["vct"],
        "issuer": f"{name} ({issuer['code']})",
        "issued_on": credential["issued_on"],
    }
    rows |= credential["claims"]
    return [*(f"  {printable(label)}: {printable(value)}" for label, value in rows.items()), ""]


def printable(value: Any) -> str:
    """Write a value of the bundle in one line, without signs that would steer the terminal."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
