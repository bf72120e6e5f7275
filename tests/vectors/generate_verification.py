"""Write the verification vectors: `python -m tests.vectors.generate_verification`.

Deterministic: fixed keys, no random nonces, nothing compressed. A second run, on any
machine, gives the same bytes; `tests/unit/clients_python/test_vectors.py` holds that.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.vectors.making.case import VALID, Case
from tests.vectors.making.cases import CASES

FOLDER = Path(__file__).parent / "verification"
FORMAT = "xinji/verification-vector/1"


def vector(name: str, case: Case) -> dict[str, Any]:
    """Return one vector: inputs and what verifiers must find."""
    bundle: Any = case.recipe.make()
    if case.text is not None:
        bundle = case.text(json.dumps(bundle, ensure_ascii=False, separators=(",", ":")))
    return {
        "format": FORMAT,
        "name": name,
        "about": case.about,
        "now": iso(case.now),
        "trust": case.trust(),
        "bundle": bundle,
        **({"status": case.status()} if case.status else {}),
        "expected": {
            "verdict": case.verdict,
            "time": None if case.time is None else iso(case.time),
            "steps": VALID | case.steps,
        },
    }


def iso(seconds: int) -> str:
    """Write POSIX seconds as an instant."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def text_of(name: str) -> str:
    """Return the file of one vector."""
    return json.dumps(vector(name, CASES[name]), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write all files, and remove those of no case."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in CASES:
            path.unlink()
    for name in CASES:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
