"""Invented people and their files, the same ones at every run.

Document numbers use the area code 410100, which is given to no person, with a valid check
sign (GB 11643). School codes with serials from 999001 are synthetic.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from idp.directory.identity_document import mod_11_2

SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红梅鑫波斌宇浩凯健俊帆雪琳晨"
MAJORS: Final = ("计算机科学与技术", "软件工程", "土木工程", "临床医学", "汉语言文学", "法学", "材料科学与工程", "英语")
AREA: Final = "410100"


@dataclass(frozen=True, slots=True)
class Pupil:
    """One invented person of a roster."""

    number: str
    name: str
    gender: str
    birthdate: date
    document: str
    major: str


def pupils(count: int, *, first_number: int, birth_year: int, seed: int) -> list[Pupil]:
    """Return `count` people with student numbers from `first_number` on; the same for the same `seed`."""
    return list(_people(count, first_number, birth_year, random.Random(seed)))  # noqa: S311 - invented, not secret


def roster_csv(people: Sequence[Pupil], grade: str) -> bytes:
    """Return a roster as a registrar's spreadsheet program saves it (UTF-8 with BOM)."""
    rows = [("学号", "姓名", "性别", "出生日期", "证件类型", "证件号码", "年级", "班级")]
    rows += [
        (
            p.number,
            p.name,
            p.gender,
            p.birthdate.isoformat(),
            "居民身份证",
            p.document,
            grade,
            f"{int(p.number[-4:]) // 50 + 1}班",
        )
        for p in people
    ]
    return _csv(rows)


def diplomas_csv(people: Sequence[Pupil], *, school: str, year: int, president: str) -> bytes:
    """Return the graduates' diplomas as a CSV for bulk issue; certificate numbers by rule (standards §4.1)."""
    rows = [
        (
            *("学号", "姓名", "证书编号", "学历层次", "专业", "学习形式"),
            *("学制", "入学日期", "毕业日期", "结论", "校长"),
        )
    ]
    rows += [
        (
            *(p.number, p.name, f"{school[5:]}1{year}05{serial:06d}", "21", p.major, "全日制"),
            *("4", f"{year - 4}-09-01", f"{year}-06-30", "毕业", president),
        )
        for serial, p in enumerate(people, start=1)
    ]
    return _csv(rows)


def _people(count: int, first_number: int, birth_year: int, chance: random.Random) -> Iterator[Pupil]:
    for at in range(count):
        # A day for each, and a serial for each round of days: no two share a document number.
        born = date(birth_year, 1, 1) + timedelta(days=at * 37 % 365)
        male = chance.random() < 0.5  # noqa: PLR2004 - a coin
        serial = f"{at // 365:02d}{chance.randrange(5) * 2 + male}"
        body = f"{AREA}{born:%Y%m%d}{serial}"
        name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2))))
        yield Pupil(
            number=str(first_number + at),
            # A name outside the basic plane is in every roster sooner or later: it must print.
            name="王𠮷祥" if at == 1 else name,
            gender="男" if male else "女",
            birthdate=born,
            document=body + mod_11_2(body),
            major=chance.choice(MAJORS),
        )


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")
