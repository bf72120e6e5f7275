"""Every sentence that a page says exists in Chinese and in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))
SPOKEN = re.compile(r"""\b_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
ERROR_CODE = re.compile(r"^\s+code(?:: ClassVar\[str\])? = \"([a-z_0-9]+)\"", re.MULTILINE)
ERROR_FILES = sorted(
    path
    for folder in ("kernel", "crypto", "ledger", "idp", "credentials")
    for path in (ROOT / folder).rglob("errors.py")
)
NEVER_SHOWN = {
    "error": "the base of all",
    "crypto": "the base of a room's errors",
    "idp": "the base of a room's errors",
    "registration": "RFC 7591 section 3.2.2, for programs",
    "fetch": "what a platform's address refuses is told in the words of the endpoint that called it",
    "authorization": "the base of what goes back to a platform",
    "insufficient_scope": "RFC 6750 section 3.1, for programs",
    "invalid_request": "RFC 6750 section 3.1, for programs",
}
PLACE = re.compile(r"%\((\w+)\)")


def catalogue(language: str) -> dict[str, str]:
    messages: dict[str, str] = {}
    for path in [*ROOT.glob(f"*/locales/{language}.po"), *ROOT.glob(f"*/*/locales/{language}.po")]:
        with path.open("rb") as file:
            messages |= {str(m.id): str(m.string) for m in read_po(file, locale=language) if m.id and m.string}
    return messages


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_of_a_template_has_its_english(template: Path) -> None:
    english = catalogue("en")
    spoken = [one or other for one, other in SPOKEN.findall(template.read_text("utf-8"))]
    missing = [text for text in spoken if text not in english and re.search(r"[\u4e00-\u9fff]", text)]
    assert missing == []


def test_translations_fill_in_the_same_places() -> None:
    english = catalogue("en")
    differing = [
        source
        for source, text in english.items()
        if not source.startswith("error.") and set(PLACE.findall(source)) != set(PLACE.findall(text))
    ]
    assert differing == []


def test_every_error_has_a_sentence_in_both_languages() -> None:
    chinese, english = catalogue("zh"), catalogue("en")
    codes = {code for path in ERROR_FILES for code in ERROR_CODE.findall(path.read_text("utf-8"))}
    missing = sorted(
        code for code in codes - NEVER_SHOWN.keys() if f"error.{code}" not in chinese or f"error.{code}" not in english
    )
    assert missing == []
