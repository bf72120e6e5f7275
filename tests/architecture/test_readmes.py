"""Both READMEs name the same commands, settings and documents, and what they link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = re.compile(r"\.venv/bin/[a-z-]+(?: [a-z-]+\b(?!\.))*|XINJI_[A-Z_*]+|make [a-z-]+")
LINKS = re.compile(r"\]\(([^)#:]+)\)")


def named(readme: str) -> set[str]:
    text = (ROOT / readme).read_text("utf-8")
    return {*WORDS.findall(text), *LINKS.findall(text)} - {"README.md", "README.en.md"}


def test_they_name_the_same() -> None:
    assert named("README.md") == named("README.en.md")


@pytest.mark.parametrize("readme", ["README.md", "README.en.md"])
def test_what_they_link_to_is_there(readme: str) -> None:
    links = LINKS.findall((ROOT / readme).read_text("utf-8"))
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
