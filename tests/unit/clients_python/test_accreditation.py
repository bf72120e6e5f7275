"""Proofs of accreditation: the vectors, their generator, the command, and proofs with pieces torn out."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.generate_accreditation import FOLDER, text_of
from tests.vectors.making.accreditation_cases import PROOF_CASES
from xinji_client.accreditation import Question, check_accreditation, words
from xinji_client.cli import main
from xinji_client.report import messages
from xinji_client.trust import load

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return content


def report_of(vector: dict[str, Any], proof: Any) -> dict[str, Any]:
    asked = vector["question"]
    question = Question(asked["school"], datetime.fromisoformat(asked["at"]), asked["type"], asked["key"])
    trust = load(json.dumps(vector["trust"]))
    return check_accreditation(proof, trust, question, now=datetime.fromisoformat(vector["now"]))


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_gives_what_it_says(name: str) -> None:
    vector = read(name)
    report = report_of(vector, vector["proof"])
    assert {step["step"]: step["code"] for step in report["steps"]} == vector["expected"]["steps"]
    assert report["verdict"]["code"] == vector["expected"]["verdict"]
    assert report_of(vector, json.dumps(vector["proof"]))["steps"] == report["steps"]


@pytest.mark.parametrize("name", PROOF_CASES)
def test_the_generator_reproduces_the_file(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text_of(name)


def test_every_code_and_verdict_is_met_and_whole() -> None:
    assert set(NAMES) == set(PROOF_CASES)
    met = {code for name in NAMES for code in read(name)["expected"]["steps"].values()}
    assert words()["codes"].keys() <= met
    assert met <= words()["codes"].keys() | messages()["codes"].keys()
    assert {read(name)["expected"]["verdict"] for name in NAMES} == set(words()["verdicts"])
    for entry in (*words()["codes"].values(), *words()["verdicts"].values(), *words()["steps"].values()):
        assert entry["zh"]
        assert entry["en"]


@pytest.mark.parametrize(
    "broken", [b"", b"no json", b"[]", b"{}", b'{"format":1}', b"x" * (5 << 20), "\ud800", {}, {"a": {1}}]
)
def test_what_is_no_proof(broken: Any) -> None:
    report = report_of(read("yes"), broken)
    assert report["verdict"]["code"] == "mismatch"


def test_a_proof_with_any_part_torn_out_or_replaced_answers_no_yes() -> None:
    vector = read("yes_long_chain")

    def torn(part: Any) -> Any:
        """Yield copies of `part` with one thing changed, at any depth."""
        if isinstance(part, dict):
            for key, value in part.items():
                yield {name: one for name, one in part.items() if name != key}
                yield from ({**part, key: changed} for changed in torn(value))
        elif isinstance(part, list):
            for at, value in enumerate(part):
                yield part[:at] + part[at + 1 :]
                yield from ([*part[:at], changed, *part[at + 1 :]] for changed in torn(value))
        elif isinstance(part, str) and len(part) > 20:
            middle = len(part) // 2
            yield part[:middle] + ("A" if part[middle] != "A" else "B") + part[middle + 1 :]
        elif part is not None:
            yield None

    count = 0
    for proof in torn(vector["proof"]):
        if all(item.get("status", 0) is None for item in proof.get("statements", [])):
            count += 1
            assert report_of(vector, proof)["verdict"]["code"] != "accredited"
    assert count > 30


def run(tmp_path: Path, vector: dict[str, Any], *options: str, at: str | None = None) -> int:
    proof, trust = tmp_path / "p.json", tmp_path / "trust.json"
    proof.write_text(json.dumps(vector["proof"]), "utf-8")
    trust.write_text(json.dumps(vector["trust"]), "utf-8")
    when = ["--at", at or vector["question"]["at"]]
    now = datetime.fromisoformat(vector["now"])
    given = ["accreditation", str(proof), "--trust", str(trust), *when, *options]
    return main(given, now=now, environment={})


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vector = read("yes")
    asked = vector["question"]
    full = ("--school", asked["school"], "--type", asked["type"], "--key", asked["key"])
    assert run(tmp_path, vector, *full) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("当时有此资格\n4141010459 · urn:xinji:credential:diploma:1 · ")
    assert run(tmp_path, vector, "--school", "4141010475", "--lang", "en") == 1
    assert "Not shown to have been accredited then" in capsys.readouterr().out
    assert run(tmp_path, vector, "--school", asked["school"], "--json", at="2026-06-29") == 1
    assert json.loads(capsys.readouterr().out)["steps"][3]["code"] == "answer_not_public"
    assert run(tmp_path, read("operator_only"), *full) == 2
    with pytest.raises(SystemExit) as refused:
        run(tmp_path, vector, *full, at="next week")
    assert refused.value.code == 2
    assert main(["accreditation", str(tmp_path / "gone"), "--school", "1"], environment={"HOME": str(tmp_path)}) == 2
    assert main(["accreditation", str(tmp_path / "p.json"), "--school", "1"], environment={"HOME": str(tmp_path)}) == 2
