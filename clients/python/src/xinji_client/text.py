"""A report for a person at a terminal, in Chinese or English."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from unicodedata import category

from xinji_client.report import messages
from xinji_client.times import day, in_beijing

_STEERING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_LINE = {"zh": "  %s：%s", "en": "  %s: %s"}
_STEP = {"zh": "【%s】%s：%s", "en": "[%s] %s: %s"}
_MORE = {"zh": "    %s：%s", "en": "    %s: %s"}


@cache
def labels() -> Mapping[str, Any]:
    """Return the words for fields and types that the verifier's page uses too."""
    loaded: Mapping[str, Any] = json.loads(files("xinji_client").joinpath("labels.json").read_text(encoding="utf-8"))
    return loaded


def as_text(report: Mapping[str, Any], language: str) -> str:
    """Write a report: the verdict, what was awarded, then a line for each step."""
    texts, verdict = messages(), report["verdict"]
    lines = [verdict[language], texts["verdicts"][verdict["code"]][f"{language}_means"], ""]
    if report["credential"]:
        lines += [*_credential(report, language), ""]
    for step in report["steps"]:
        name, result = texts["steps"][step["step"]][language], texts["results"][step["result"]][language]
        lines.append(_STEP[language] % (result, name, step[language]))
        lines += _more(step["evidence"], language)
    return "\n".join(lines)


def _more(evidence: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield the reason of a revocation in words, and what a technician wants to know of a failure."""
    texts = messages()
    reason = evidence.get("reason")
    if reason:
        yield _MORE[language] % (
            texts["evidence"]["reason"][language],
            printable(texts["reasons"].get(reason, {}).get(language, reason)),
        )
    if evidence.get("detail"):
        yield _MORE[language] % (texts["evidence"]["detail"][language], printable(evidence["detail"]))


def _credential(report: Mapping[str, Any], language: str) -> Iterator[str]:
    credential, words = report["credential"], labels()["words"]
    kind = labels()["types"].get(credential["vct"], {})
    results = {step["step"]: step["result"] for step in report["steps"]}
    yield printable(kind.get(language, credential["vct"]))
    if report["verdict"]["code"] == "mismatch":
        yield words["unproven"][language]
    yield _LINE[language] % (words["issuer"][language], _issuer(credential["issuer"], results["issuer"], language))
    yield _LINE[language] % (words["issued_on"][language], day(credential["issued_on"], language))
    if report["time"]:
        yield _LINE[language] % (words["witnessed"][language], in_beijing(report["time"], language))
    if results["integrity"] == "failed":
        yield words["withheld"][language]
    elif not credential["claims"]:
        yield words["no_fields"][language]
    yield from _claims(credential["claims"], kind.get("fields", ()), language)


def _issuer(issuer: Mapping[str, Any], result: str, language: str) -> str:
    name = issuer["name" if language == "zh" else "name_en"] or issuer["entity_id"]
    shown = f"{printable(name)} ({printable(issuer['code'])})"
    return shown if result == "passed" else f"{shown} [{labels()['words']['issuer_unproven'][language]}]"


def _claims(claims: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], language: str) -> Iterator[str]:
    """Yield the fields in the type's order, then those that the type does not know, under their own names."""
    known = {field["name"]: field for field in fields}
    for name in [*(name for name in known if name in claims), *(name for name in claims if name not in known)]:
        field, value = known.get(name, {}), claims[name]
        word = field.get("words", {}).get(value if isinstance(value, str) else None)
        if word:
            value = word[language]
        elif field.get("date") and isinstance(value, str):
            value = day(value, language)
        yield _LINE[language] % (printable(field.get(language, name)), printable(value))


def printable(value: Any) -> str:
    """Write a value of the bundle in one line, without signs that would steer the terminal.

    Signs that this Python's Unicode does not know yet stay: they are rare Chinese names.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join("\N{REPLACEMENT CHARACTER}" if category(sign) in _STEERING else sign for sign in text)
