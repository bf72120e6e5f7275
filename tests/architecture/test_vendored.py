"""Vendored files are what their list says they are."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = sorted(path for path in ROOT.glob("*/static/**/VENDORED.md"))
ROW = re.compile(r"^\| ([^|]+?) \| .*?\| (sha384-[A-Za-z0-9+/=]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("listing", LISTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_file_has_the_integrity_its_list_gives(listing: Path) -> None:
    rows = ROW.findall(listing.read_text("utf-8"))
    assert rows
    for name, integrity in rows:
        digest = hashlib.sha384((listing.parent / name).read_bytes()).digest()
        assert f"sha384-{base64.b64encode(digest).decode()}" == integrity, name


def test_there_are_lists() -> None:
    assert LISTS
