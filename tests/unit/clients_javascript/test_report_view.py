"""The page without JavaScript shows what the page with JavaScript shows."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from credentials.routes.report_view import day, view_of, words_in, written
from tests.unit.clients_javascript.conftest import Run


@pytest.mark.node
def test_both_pages_show_the_same_for_every_vector(run: Run) -> None:
    lines = run("node", "--no-warnings", "test/views.js").stdout.splitlines()
    assert len(lines) > 200
    for line in lines:
        case = json.loads(line)
        for language in ("zh", "en"):
            assert view_of(case["report"], language) == case[language], case["file"]


def report() -> dict[str, Any]:
    steps = ["integrity", "issuer", "status", "inclusion", "witnesses", "anchor", "holder"]
    return {
        "verdict": {"code": "valid", "zh": "有效", "en": "Valid"},
        "checked_at": "2026-06-30T06:03:00Z",
        "checked_on": "server",
        "time": None,
        "credential": {
            "vct": "urn:xinji:credential:diploma:1",
            "id": "urn:uuid:1",
            "issuer": {"code": "4141010459", "entity_id": "x", "name": "郑州大学", "name_en": None, "chain": []},
            "issued_on": "2026-06-30",
            "claims": {"name": "陈𠮷", "gender": "2", "stranger": {"a": [1]}, "birthdate": "2023-02-31"},
        },
        "steps": [
            {"step": step, "result": "passed", "code": f"{step}_ok", "zh": "好", "en": "good", "evidence": {}}
            for step in steps
        ],
    }


def test_what_the_type_does_not_know_is_shown_under_its_own_name() -> None:
    award = view_of(report(), "zh")["award"]
    assert award["holder"] == "陈𠮷"
    assert [(fact["label"], fact["value"]) for fact in award["facts"]] == [
        ("性别", "女"),
        ("出生日期", "2023-02-31"),
        ("stranger", '{"a":[1]}'),
    ]


def test_an_unknown_type_shows_its_fields_by_name() -> None:
    unknown = report()
    unknown["credential"]["vct"] = "urn:x"
    award = view_of(unknown, "en")["award"]
    assert (award["title"], award["holder"], award["issuer"]) == ("urn:x", None, "郑州大学")
    assert award["facts"][0] == {"label": "name", "value": "陈𠮷", "code": False}


def test_fields_that_did_not_pass_are_not_shown() -> None:
    failed = copy.deepcopy(report())
    failed["steps"][0]["result"] = "failed"
    failed["verdict"]["code"] = "mismatch"
    award = view_of(failed, "zh")["award"]
    assert (award["facts"], award["holder"]) == ([], None)
    assert award["warning"] == words_in("zh")["unproven"]


def test_moments_are_told_in_beijing_time() -> None:
    assert written("2026-06-30T16:03:00Z", "zh") == "2026年7月1日 00:03"
    assert written(["2026-06-30T06:03:00Z", 5, None], "en") == "30 June 2026 14:03, 5, ?"
    assert day("20260630", "zh") == "20260630"
