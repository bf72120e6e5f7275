"""Write the vectors of anchors: `python -m tests.vectors.generate_anchors`. Deterministic, as generate_verification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.vectors.generate_verification import iso
from tests.vectors.making.anchor_cases import ANCHOR_CASES
from tests.vectors.making.world import NOW, trust_file

FOLDER = Path(__file__).parent / "anchors"
FORMAT = "xinji/anchor-vector/1"


def vector(name: str) -> dict[str, Any]:
    """Return one vector: a sound bundle, a node's raw answers, and what verifiers must find of the anchor."""
    case = ANCHOR_CASES[name]
    made = case.make()
    return {
        "format": FORMAT,
        "name": name,
        "about": case.about,
        "now": iso(NOW),
        "trust": trust_file(made["trust"]),
        "bundle": made["bundle"],
        "node": made["node"],
        "consistency": made["consistency"],
        "expected": {"verdict": case.verdict, "anchor": case.code},
    }


def text_of(name: str) -> str:
    """Return the file of one vector."""
    return json.dumps(vector(name), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write all files, and remove those of no case."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in ANCHOR_CASES:
            path.unlink()
    for name in ANCHOR_CASES:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
