"""Fail where a folder's branch coverage has fallen below its floor. Floors only rise.

Run after pytest: reads `.coverage` of that run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FLOORS = {
    "kernel": 95,
    "crypto": 98,
    "ledger": 97,
    "idp": 97,
    "credentials": 97,
    "clients/python/src": 99,
}
PURE = (
    "ledger/formats/merkle.py",
    "ledger/formats/entry.py",
    "ledger/formats/commitment.py",
    "ledger/formats/checkpoint.py",
    "credentials/sdjwt.py",
    "credentials/status_list.py",
    "credentials/share_code.py",
    "credentials/certificate_number.py",
)


def main() -> int:
    """Print each folder's coverage beside its floor; return 1 where one is below."""
    report = Path(".coverage.json")
    subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", report], check=True)
    files = json.loads(report.read_text())["files"]
    report.unlink()
    failed = False
    for place, floor in {**FLOORS, **dict.fromkeys(PURE, 100)}.items():
        totals = [item["summary"] for path, item in files.items() if path == place or path.startswith(f"{place}/")]
        possible = sum(t["num_statements"] + t["num_branches"] for t in totals)
        covered = sum(t["covered_lines"] + t["covered_branches"] for t in totals)
        percent = 100 * covered / possible if possible else 0.0
        low = percent < floor
        failed = failed or low
        print(f"{place:40} {percent:6.2f} %  floor {floor} %{'  TOO LOW' if low else ''}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
