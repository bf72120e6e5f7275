"""The catalogues say what pages and refusals say, and nothing else. That all is translated is held for all rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from idp import errors

IDP = Path(errors.__file__).parent
TEMPLATES = sorted((IDP / "templates").rglob("*.html"))


FOLDERS = (IDP, IDP / "directory", IDP / "platforms")


def catalogue(language: str, *folders: Path) -> dict[str, str]:
    messages: dict[str, str] = {}
    for folder in folders or FOLDERS:
        with (folder / "locales" / f"{language}.po").open("rb") as file:
            read = read_po(file, locale=language)
        messages |= {str(message.id): str(message.string) for message in read if message.id}
    return messages


def sentences() -> set[str]:
    found = set()
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        found |= {match[1] for match in re.finditer(r'_\("([^"]+)"', text)}
        found |= {match[1] for match in re.finditer(r"_\('([^']+)'", text)}
    return found


def test_no_translation_is_left_over() -> None:
    kept = {key for key in catalogue("en", IDP, IDP / "platforms") if not key.startswith("error.")}
    assert kept
    assert sorted(kept - sentences()) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_has_a_sentence(language: str) -> None:
    classes = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.IdpError)]
    codes = {f"error.{cls.code}" for cls in classes if cls is not errors.IdpError}
    assert sorted(codes - catalogue(language).keys()) == []


def test_both_languages_name_the_same_values() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    pairs = [(chinese.get(key, key), text) for key, text in english.items()]
    for source, translated in pairs:
        assert set(re.findall(r"%\(\w+\)s", source)) == set(re.findall(r"%\(\w+\)s", translated)), source
