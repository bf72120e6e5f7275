"""The report: seven steps in words, and the verdict over them.

Codes and sentences are those of all verifiers; they lie where the page's build puts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "xinji/report/1"
LANGUAGES: Final = ("zh", "en")
_WORDS: Final = Path(__file__).parents[1] / "static" / "verify-words.json"
_BEIJING: Final = timedelta(hours=8)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_STATUS_VERDICTS: Final = {
    "status_revoked": "revoked",
    "status_suspended": "suspended",
    "status_superseded": "superseded",
}
_MAY_STAY_OPEN: Final = frozenset({"anchor", "holder"})

Step = dict[str, Any]


@cache
def _messages() -> Mapping[str, Any]:
    messages: Mapping[str, Any] = json.loads(_WORDS.read_text("utf-8"))["messages"]
    return messages


def step(code: str, evidence: Mapping[str, Any]) -> Step:
    """Return the step that `code` belongs to, as reports carry it."""
    message = _messages()["codes"][code]
    sentences = {language: _filled(message[language], evidence, language) for language in LANGUAGES}
    return {
        "step": message["step"],
        "result": message["result"],
        "code": code,
        **sentences,
        "evidence": dict(evidence),
    }


def verdict(steps: list[Step], *, witnesses_named: bool | None) -> dict[str, str]:
    """Return the verdict: what failed decides first, and a signed status alone names itself.

    Then a trust file that names no witness (`witnesses_named` is False; None without a usable
    file), then what could not be checked. Anchor and holder may stay open.
    """
    failed = [done["code"] for done in steps if done["result"] == "failed"]
    open_steps = [done for done in steps if done["result"] == "unchecked" and done["step"] not in _MAY_STAY_OPEN]
    if failed:
        code = _STATUS_VERDICTS.get(failed[0], "mismatch") if len(failed) == 1 else "mismatch"
    elif witnesses_named is False:
        code = "operator_only"
    else:
        code = "incomplete" if open_steps else "valid"
    said = _messages()["verdicts"][code]
    return {"code": code, "zh": said["zh"], "en": said["en"]}


def iso(seconds: int) -> str:
    """Write POSIX seconds as an instant in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _filled(sentence: str, evidence: Mapping[str, Any], language: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: _written(evidence.get(found[1]), language), sentence)


def _written(value: object, language: str) -> str:
    """Write a value for a reader: moments in Beijing time, what is absent as a question mark."""
    text = "?" if value is None else str(value)
    if not _MOMENT.fullmatch(text):
        return text
    at = datetime.fromisoformat(text) + _BEIJING
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"
    return f"{at.day} {at:%B %Y %H:%M}"
