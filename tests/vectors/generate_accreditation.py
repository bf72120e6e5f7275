"""Write the vectors of proofs of accreditation: `python -m tests.vectors.generate_accreditation`. Deterministic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.vectors.generate_verification import iso
from tests.vectors.making.accreditation_cases import PROOF_CASES, YES
from tests.vectors.making.world import trust_file

FOLDER = Path(__file__).parent / "accreditation"
FORMAT = "xinji/accreditation-vector/1"


def vector(name: str) -> dict[str, Any]:
    """Return one vector: a proof, a question, and what verifiers must find."""
    case = PROOF_CASES[name]
    return {
        "format": FORMAT,
        "name": name,
        "about": case.about,
        "now": iso(case.now),
        "trust": trust_file(case.trust_payload()),
        "proof": case.make(),
        "question": {"school": case.school, "type": case.type, "key": case.key, "at": iso(case.at)},
        "expected": {"verdict": case.verdict, "steps": YES | case.steps},
    }


def text_of(name: str) -> str:
    """Return the file of one vector."""
    return json.dumps(vector(name), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write all files, and remove those of no case."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in PROOF_CASES:
            path.unlink()
    for name in PROOF_CASES:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
