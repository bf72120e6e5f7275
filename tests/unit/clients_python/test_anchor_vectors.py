"""What a chain node answers, and what the verifier makes of it: the vectors, and their generator."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.vectors.generate_anchors import FOLDER, text_of
from tests.vectors.making.anchor_cases import ANCHOR_CASES
from xinji_client.anchor import NodeAnswers
from xinji_client.encoding import from_b64
from xinji_client.report import messages
from xinji_client.trust import load
from xinji_client.verify import verify

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
WITHOUT_A_NODE = {"anchor_not_checked"}


def report_of(vector: dict[str, Any], node: NodeAnswers | None) -> dict[str, Any]:
    trust = load(json.dumps(vector["trust"]))
    return verify(vector["bundle"], trust, now=datetime.fromisoformat(vector["now"]), node=node)


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return content


def answers_of(vector: dict[str, Any]) -> NodeAnswers:
    proof = vector["consistency"]
    return NodeAnswers(vector["node"], proof and (lambda *_: [from_b64(node) for node in proof]))


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_gives_what_it_says(name: str) -> None:
    vector = read(name)
    report = report_of(vector, answers_of(vector))
    step = report["steps"][5]
    assert (report["verdict"]["code"], step["code"]) == (vector["expected"]["verdict"], vector["expected"]["anchor"])
    assert "?" not in step["zh"]
    json.dumps(report)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_node_no_anchor_passes(name: str) -> None:
    assert report_of(read(name), None)["steps"][5]["result"] != "passed"


@pytest.mark.parametrize("name", ["confirmed", "confirmed_larger_tree", "unreachable_half_way"])
def test_whatever_the_node_leaves_out_or_garbles_nothing_passes_or_breaks(name: str) -> None:
    vector = read(name)
    garbled: Any
    for key in vector["node"]:
        for garbled in (None, 7, "", "0x", [], {}, "0x" + "zz" * 32, True):
            changed = {**vector, "node": vector["node"] | {key: garbled}}
            step = report_of(changed, answers_of(changed))["steps"][5]
            assert step["result"] != "passed" or (key, garbled) == ("error", None), (key, garbled)


@pytest.mark.parametrize("name", ANCHOR_CASES)
def test_the_generator_reproduces_the_file(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text_of(name)


def test_there_is_a_file_for_each_case_and_every_code_is_met() -> None:
    assert set(NAMES) == set(ANCHOR_CASES)
    codes = {code for code, entry in messages()["codes"].items() if entry["step"] == "anchor"}
    assert codes - {read(name)["expected"]["anchor"] for name in NAMES} == WITHOUT_A_NODE
