"""What the report's page shows, for browsers without JavaScript. Pure: a report and a language in, plain values out.

It gives what `clients/javascript/src/page/view.js` gives on the reader's own device, from the
same words (`credentials/static/verify-words.json`, built there); a test compares the two. Those
words are no part of the gettext catalogues: the page is also released as static files that
another organisation hosts without this server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

WORDS_FILE: Final = Path(__file__).parents[1] / "static" / "verify-words.json"
_BEIJING: Final = timedelta(hours=8)
_TONES: Final = {"valid": "passed", "operator_only": "unchecked", "incomplete": "unchecked"}
_ICONS: Final = {"passed": "check", "failed": "cross", "unchecked": "question"}
_VERDICT_ICONS: Final = {"suspended": "warning", "superseded": "warning", "mismatch": "warning"}
_CODES: Final = frozenset(
    (
        *("keys", "entity_id", "school_code", "chain", "uri", "origin"),
        *("commitment", "contract", "transaction", "anchored_root"),
    )
)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_AUTHORITY: Final = re.compile(r"/authorities/(\d{6})$", re.ASCII)

View = dict[str, Any]


@cache
def _file() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(WORDS_FILE.read_text("utf-8"))
    return content


def words_in(language: str) -> dict[str, str]:
    """Return the check page's words in `language` ("zh" or "en")."""
    return {key: word[language] for key, word in _file()["labels"]["words"].items()}


def view_of(report: Mapping[str, Any], language: str) -> View:
    """Describe the page of `report` in `language`."""
    messages, words = _file()["messages"], words_in(language)
    code = report["verdict"]["code"]
    tone = _TONES.get(code, "failed")
    steps = {step["step"]: step for step in report["steps"]}
    return {
        "verdict": {
            "code": code,
            "tone": tone,
            "icon": _VERDICT_ICONS.get(code, _ICONS[tone]),
            "text": report["verdict"][language],
            "means": messages["verdicts"][code][f"{language}_means"],
            "reason": _reason(steps["status"]["evidence"], words, language),
        },
        "checked": _fill(words[f"checked_{report['checked_on']}"], moment=written(report["checked_at"], language)),
        "award": _award(report, steps, words, language) if report["credential"] else None,
        "checks": [_check(step, words, language) for step in report["steps"]],
        "convinces": words["convinces_server" if report["checked_on"] == "server" else "convinces"],
        "identity": None if steps["holder"]["result"] == "passed" else words["identity"],
    }


def _reason(evidence: Mapping[str, Any], words: Mapping[str, str], language: str) -> list[str] | None:
    reason = evidence.get("reason")
    if not isinstance(reason, str):
        return None
    said = _file()["messages"]["reasons"].get(reason, {}).get(language, reason)
    return [_fill(words["reason"], reason=said), _fill(words["since"], moment=written(evidence.get("since"), language))]


def _award(
    report: Mapping[str, Any], steps: Mapping[str, Any], words: Mapping[str, str], language: str
) -> dict[str, Any]:
    credential = report["credential"]
    issuer, claims = credential["issuer"], credential["claims"]
    kind = _file()["labels"]["types"].get(credential["vct"])
    proven = steps["integrity"]["result"] == "passed"
    more = [_fact(words["issued_on"], day(credential["issued_on"], language))]
    if report["time"] is not None:
        more.append(_fact(words["witnessed"], written(report["time"], language)))
    more.append(_fact(words["credential_id"], credential["id"], code=True))
    holder = claims.get(kind["holder"]) if kind and proven else None
    empty = None if claims else words["no_fields"]
    return {
        "title": kind[language] if kind else credential["vct"],
        "warning": words["unproven"] if report["verdict"]["code"] == "mismatch" else None,
        "holder": None if holder is None else _shown(holder),
        "issuer": _name(issuer, language) or issuer["entity_id"],
        "issuerCode": issuer["code"],
        "issuerNote": None if steps["issuer"]["result"] == "passed" else words["issuer_unproven"],
        "accreditedBy": [_authority(one, language) for one in reversed(issuer["chain"])],
        "facts": _claims(claims, kind, language) if proven else [],
        "more": more,
        "empty": empty if proven else words["withheld"],
    }


def _claims(claims: Mapping[str, Any], kind: Mapping[str, Any] | None, language: str) -> list[dict[str, Any]]:
    """Return the fields in the type's order, then what the type does not know, under its own name."""
    fields = kind["fields"] if kind else []
    shown = [
        _fact(field[language], _value(claims[field["name"]], field, language), code=field["name"] == kind["number"])
        for field in fields
        if kind and field["name"] in claims and field["name"] != kind["holder"]
    ]
    known = {field["name"] for field in fields}
    return [*shown, *(_fact(name, _shown(value)) for name, value in claims.items() if name not in known)]


def _value(value: object, field: Mapping[str, Any], language: str) -> str:
    word = field.get("words", {}).get(str(value))
    if word:
        return str(word[language])
    if field.get("date") and isinstance(value, str):
        return day(value, language)
    return _shown(value)


def _check(step: Mapping[str, Any], words: Mapping[str, str], language: str) -> dict[str, Any]:
    messages = _file()["messages"]
    return {
        "name": messages["steps"][step["step"]][language],
        "tone": step["result"],
        "icon": _ICONS[step["result"]],
        "result": messages["results"][step["result"]][language],
        "sentence": step[language],
        "code": step["code"],
        "facts": [
            _fact(
                messages["evidence"].get(name, {}).get(language, name),
                _evidence(name, value, words, language),
                code=name in _CODES,
            )
            for name, value in step["evidence"].items()
        ],
    }


def _evidence(name: str, value: object, words: Mapping[str, str], language: str) -> str:
    if name == "reason":
        return str(_file()["messages"]["reasons"].get(value, {}).get(language, value))
    if name == "state" and f"state_{value}" in words:
        return words[f"state_{value}"]
    return written(value, language)


def _fact(label: str, value: str, *, code: bool = False) -> dict[str, Any]:
    return {"label": label, "value": value, "code": code}


def _name(entity: Mapping[str, Any], language: str) -> str | None:
    name = entity.get("name_en") if language == "en" else None
    return name or entity.get("name")


def _authority(entity: Mapping[str, Any], language: str) -> str:
    entity_id = entity["entity_id"]
    found = _AUTHORITY.search(entity_id)
    province = _file()["labels"]["provinces"].get(found[1][:2], {}).get(language) if found else None
    name = _name(entity, language) or province or entity_id
    return f"{name} ({found[1]})" if found else name


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def written(value: object, language: str) -> str:
    """Write a value of the evidence for a reader of `language`: moments in Beijing time."""
    if value is None:
        return "?"
    if isinstance(value, list | tuple):
        return ("、" if language == "zh" else ", ").join(written(item, language) for item in value)
    text = str(value)
    if not _MOMENT.fullmatch(text):
        return text
    at = datetime.fromisoformat(text).astimezone(UTC) + _BEIJING
    return f"{day(at.date().isoformat(), language)} {at:%H:%M}"


def day(text: str, language: str) -> str:
    """Write an ISO day: 2026年6月30日, 30 June 2026. What is no day stays as it is."""
    try:
        at = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        return text
    return f"{at.year}年{at.month}月{at.day}日" if language == "zh" else f"{at.day} {at:%B %Y}"


def _fill(sentence: str, **values: str) -> str:
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence
