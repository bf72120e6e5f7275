"""Reads the vectors of `verification/` for the tests of every verifier in Python."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "verification"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector; `trust` is the text of the trust file."""

    now: datetime
    trust: str
    bundle: Any
    status: Any
    verdict: str
    time: str | None
    steps: dict[str, str]

    def outcome(self) -> tuple[str, str | None, dict[str, str]]:
        """Return what a report on this vector must say."""
        return self.verdict, self.time, self.steps


def read(name: str) -> Vector:
    """Read the vector `name`."""
    content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    expected = content["expected"]
    return Vector(
        now=datetime.fromisoformat(content["now"]),
        trust=json.dumps(content["trust"]),
        bundle=content["bundle"],
        status=content.get("status"),
        verdict=expected["verdict"],
        time=expected["time"],
        steps=expected["steps"],
    )


def outcome_of(report: dict[str, Any]) -> tuple[str, str | None, dict[str, str]]:
    """Return of a report what vectors speak of."""
    return report["verdict"]["code"], report["time"], {step["step"]: step["code"] for step in report["steps"]}
