"""Reports for a person at a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import FIELDS
from tests.vectors.verification_files import read
from xinji_client.text import as_text, labels, printable
from xinji_client.times import day, in_beijing
from xinji_client.trust import load
from xinji_client.verify import verify

ROOT = Path(__file__).parents[3]
VALID = read("valid_university")
TRUST = load(VALID.trust)


def text_of(bundle: Any, language: str = "zh") -> list[str]:
    return as_text(verify(bundle, TRUST, now=VALID.now), language).split("\n")


def test_a_diploma_in_chinese() -> None:
    lines = text_of(VALID.bundle)
    assert lines[0] == "有效"
    for line in ("毕业证书", "  颁发学校：郑州大学 (4141010459)", "  性别：女", "  出生日期：2004年2月29日"):
        assert line in lines
    for line in ("  姓名：\U00020bb7田\U0002a6b2", "  学制（年）：4", "  学历层次：大学本科毕业"):
        assert line in lines
    assert "  日志见证时间：2026年6月30日 14:03" in lines
    assert not any("未经证实" in line for line in lines)


def test_a_diploma_in_english() -> None:
    lines = text_of(VALID.bundle, "en")
    for line in ("Diploma of Graduation", "  Awarded by: Zhengzhou University (4141010459)", "  Gender: Female"):
        assert line in lines


def test_what_is_not_proven_says_so() -> None:
    lines = text_of(read("disclosure_tampered").bundle)
    assert "以下内容没有得到证实，请勿作为依据" in lines
    assert "内容与签名未核验通过，字段不予显示。" in lines
    assert not any("临床医学" in line for line in lines)
    lines = text_of(read("type_not_allowed").bundle)
    assert "  颁发学校：郑州大学 (4141010459) [未经证实]" in lines


def test_no_field_is_told() -> None:
    assert "持有人没有公开任何字段。" in text_of(read("valid_no_field").bundle)


def test_without_a_credential_there_is_no_description() -> None:
    lines = text_of(read("alg_none").bundle)
    assert not any("颁发学校" in line for line in lines)
    assert any(line.startswith("    技术说明：") for line in lines)


def test_another_type_and_other_fields_are_shown_under_their_own_names() -> None:
    strange = {"hours": [1, 2], "birthdate": 5, "gender": 7, "level": "99", "entry_date": "soon"}
    recipe = Recipe(fields=FIELDS | strange, shown=("hours", "birthdate", "gender", "level", "entry_date"))
    lines = text_of(recipe.make())
    for line in ("  hours：[1, 2]", "  出生日期：5", "  性别：7", "  学历层次：99", "  入学日期：soon"):
        assert line in lines
    recipe.payload = lambda payload, _: payload.update(vct="urn:other")
    lines = text_of(recipe.make())
    assert "urn:other" in lines
    assert "  birthdate：5" in lines


def test_a_reason_that_is_not_known_is_shown_as_it_is() -> None:
    bundle = Recipe(state=1, statement={"reason": "a new\x1b reason"}).make()
    assert "    原因：a new\ufffd reason" in text_of(bundle)


def test_signs_that_steer_a_terminal_are_not_printed() -> None:
    assert printable("a\x1b[2Jb\u202e\n") == "a\ufffd[2Jb\ufffd\ufffd"
    assert printable("全角\u3000空格 \U00031350\U000323af") == "全角\u3000空格 \U00031350\U000323af"
    assert printable({"a": [1]}) == '{"a": [1]}'
    assert printable(4) == "4"


def test_days_and_moments() -> None:
    assert day("2026-06-30", "zh") == "2026年6月30日"
    assert day("2026-06-30", "en") == "30 June 2026"
    assert day("2026-06-31", "en") == "2026-06-31"
    assert in_beijing("tomorrow", "zh") == "tomorrow"


def test_an_issuer_without_a_registered_name_is_shown_by_its_identifier() -> None:
    step = {"step": "integrity", "result": "failed", "zh": "一", "en": "one", "evidence": {}}
    issuer = {"name": None, "name_en": None, "entity_id": "https://x/schools/4141010459", "code": "4141010459"}
    credential = {"vct": "urn:x", "issued_on": "2026-06-30", "issuer": issuer, "claims": {}}
    report = {
        "verdict": {"code": "mismatch", "zh": "z", "en": "e"},
        "time": None,
        "credential": credential,
        "steps": [step, step | {"step": "issuer"}],
    }
    assert "  Awarded by: https://x/schools/4141010459 (4141010459) [not proven]" in as_text(report, "en")


def test_the_words_are_those_of_the_page() -> None:
    page = json.loads((ROOT / "clients/javascript/src/labels.json").read_text("utf-8"))
    assert labels()["types"] == page["types"]
    assert labels()["words"] == {name: page["words"][name] for name in labels()["words"]}
