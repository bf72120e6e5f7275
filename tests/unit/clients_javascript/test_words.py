"""The words of the check: one list for all implementations, complete in both languages."""

from __future__ import annotations

import json
import re
from typing import Any

from credentials.reasons import REASONS
from credentials.types import TYPES
from tests.unit.clients_javascript.conftest import PROJECT

MESSAGES: dict[str, Any] = json.loads((PROJECT / "src" / "messages.json").read_text("utf-8"))
LABELS: dict[str, Any] = json.loads((PROJECT / "src" / "labels.json").read_text("utf-8"))
PLACE = re.compile(r"\{(\w+)\}")


def test_the_clients_have_the_same_messages() -> None:
    copy = PROJECT.parent / "python" / "src" / "xinji_client" / "messages.json"
    assert copy.read_bytes() == (PROJECT / "src" / "messages.json").read_bytes()


def test_every_entry_speaks_both_languages_with_the_same_places() -> None:
    groups = [MESSAGES[name] for name in ("verdicts", "results", "steps", "reasons", "evidence", "codes")]
    for name, entry in [pair for group in (*groups, LABELS["words"], LABELS["provinces"]) for pair in group.items()]:
        assert entry["zh"], name
        assert entry["en"], name
        assert sorted(PLACE.findall(entry["zh"])) == sorted(PLACE.findall(entry["en"])), name
        assert not re.search(r"[\u4e00-\u9fff]", entry["en"]), name


def test_codes_belong_to_their_steps_and_results() -> None:
    for code, entry in MESSAGES["codes"].items():
        assert code.startswith(f"{entry['step']}_")
        assert entry["step"] in MESSAGES["steps"]
        assert entry["result"] in MESSAGES["results"]
        assert (entry["result"] == "passed") == code.endswith("_ok")
        assert entry["when"]


def test_nothing_accuses() -> None:
    assert "伪造" not in json.dumps([MESSAGES, LABELS], ensure_ascii=False)


def test_every_reason_a_school_can_give_has_its_words() -> None:
    assert {code: (entry["zh"], entry["en"]) for code, entry in MESSAGES["reasons"].items()} == {
        code: (reason.zh, reason.en) for code, reason in REASONS.items()
    }


def test_the_page_names_fields_as_the_types_do() -> None:
    assert LABELS["types"].keys() == TYPES.keys()
    for vct, type_ in TYPES.items():
        shown = LABELS["types"][vct]
        assert (shown["zh"], shown["en"]) == (type_.zh, type_.en)
        assert (shown["holder"], shown["number"]) == (type_.layout.holder, type_.layout.number)
        fields = [(field["name"], field["zh"], field["en"], field.get("date", False)) for field in shown["fields"]]
        assert fields == [(one.name, one.zh, one.en, one.schema.get("format") == "date") for one in type_.fields]
        for field, one in zip(shown["fields"], type_.fields, strict=True):
            words = {code: (word["zh"], word["en"]) for code, word in field.get("words", {}).items()}
            assert words == dict(one.words or {}), one.name


def test_the_document_lists_every_code() -> None:
    text = (PROJECT.parents[1] / "docs" / "verifying.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert listed == [(code, entry["result"], entry["when"]) for code, entry in MESSAGES["codes"].items()]
