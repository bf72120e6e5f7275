"""The vectors that every verifier agrees on, and that their generator reproduces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.vectors import generate_verification
from tests.vectors.making.anchor_cases import ANCHOR_CASES
from tests.vectors.making.cases import CASES
from tests.vectors.verification_files import FOLDER, NAMES, outcome_of, read
from xinji_client.errors import TrustError
from xinji_client.trust import Trust, load
from xinji_client.verify import verify

ROOT = Path(__file__).parents[3]


def trust_of(text: str) -> Trust | None:
    try:
        return load(text)
    except TrustError:
        return None


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_gives_what_it_says(name: str) -> None:
    vector = read(name)
    report = verify(vector.bundle, trust_of(vector.trust), now=vector.now, fresh_status=vector.status)
    assert outcome_of(report) == vector.outcome()


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_is_whole(name: str) -> None:
    vector = read(name)
    report = verify(vector.bundle, trust_of(vector.trust), now=vector.now, fresh_status=vector.status)
    json.dumps(report)
    for step in report["steps"]:
        assert step["result"] in {"passed", "failed", "unchecked"}
        for sentence in (step["zh"], step["en"]):
            assert sentence
            assert "{" not in sentence
            assert "?" not in sentence


@pytest.mark.parametrize("name", CASES)
def test_the_generator_reproduces_the_file(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text("utf-8") == generate_verification.text_of(name)


def test_there_is_a_file_for_each_case_and_no_other() -> None:
    assert set(NAMES) == set(CASES)


def test_the_expectations_name_codes_of_the_messages() -> None:
    messages = json.loads((ROOT / "clients/python/src/xinji_client/messages.json").read_text("utf-8"))
    for name in NAMES:
        vector = read(name)
        assert vector.verdict in messages["verdicts"]
        for step, code in vector.steps.items():
            assert messages["codes"][code]["step"] == step


def test_every_code_that_can_be_met_has_a_vector() -> None:
    """What needs another machine, a chain node or a holder's key is not met by a file."""
    messages = json.loads((ROOT / "clients/python/src/xinji_client/messages.json").read_text("utf-8"))
    met = {code for name in NAMES for code in read(name).steps.values()}
    asked = {case.code for case in ANCHOR_CASES.values()}  # A node's answers have vectors of their own.
    assert set(messages["codes"]) - met - asked == {"integrity_engine_missing", "holder_ok"}


def test_all_verifiers_speak_with_the_same_words() -> None:
    python = (ROOT / "clients/python/src/xinji_client/messages.json").read_bytes()
    assert python == (ROOT / "clients/javascript/src/messages.json").read_bytes()
