"""No library of ours may take away the bound that turns a hostile document into an exception."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
import {module}
assert sys.getrecursionlimit() <= 1000, sys.getrecursionlimit()
try:
    json.loads("[" * 200_000)
except RecursionError:
    print("bounded")
"""


@pytest.mark.parametrize(
    "module", ["server.serving", "server.commands.witness", "server.demo.run", "crypto.signer_process"]
)
def test_a_deeply_nested_document_raises_in_every_process(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "bounded"), done.stderr[-2000:]
