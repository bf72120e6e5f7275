"""Every sentence of the pages stands in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from idp import errors

IDP = Path(errors.__file__).parent
TEMPLATES = sorted((IDP / "templates").rglob("*.html"))


def catalogue(language: str, folder: Path = IDP) -> dict[str, str]:
    with (folder / "locales" / f"{language}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale=language) if message.id}


def sentences() -> set[str]:
    found = set()
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        found |= {match[1] for match in re.finditer(r'_\("([^"]+)"', text)}
        found |= {match[1] for match in re.finditer(r"_\('([^']+)'", text)}
    return found


def test_every_sentence_of_a_template_is_in_english_too() -> None:
    english = catalogue("en").keys() | catalogue("en", IDP / "directory").keys()
    assert sentences()
    assert sorted(sentences() - english) == []


def test_no_translation_is_left_over() -> None:
    kept = {key for key in catalogue("en") if not key.startswith("error.")}
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
