"""Code tables of education data: gender, ethnic group, country, student status, relation.

Sources: GB/T 2261.1, GB/T 3304, GB/T 2659 (ISO 3166-1 alpha-3), GB/T 4761, XSDQZT of JY/T 1001.
Each is read by code or by name.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

GENDERS: Final = {"0": "未知", "1": "男", "2": "女", "9": "未说明"}
_GENDER_ALIASES: Final = {
    "男性": "1", "m": "1", "male": "1",
    "女性": "2", "f": "2", "female": "2",
}  # fmt: skip

_ETHNIC_NAMES: Final = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 "
    "景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 "
    "裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
ETHNIC_GROUPS: Final = {
    **{f"{code:02}": f"{name}族" for code, name in enumerate(_ETHNIC_NAMES.split(), start=1)},
    "97": "其他",
    "98": "外国血统中国籍人士",
}

STUDENT_STATUS: Final = {
    "01": "在读", "02": "休学", "03": "退学", "04": "停学", "05": "复学", "06": "流失", "07": "毕业", "08": "结业",
    "09": "肄业", "10": "转学", "11": "死亡", "12": "保留入学资格", "13": "公派出国", "14": "开除", "15": "下落不明",
    "99": "其他",
}  # fmt: skip
# With these the affiliation has ended; the person and what the school issued remain.
ENDED: Final = frozenset({"03", "07", "08", "09", "10", "11", "14"})

GUARDIAN_RELATIONS: Final = {
    "51": "父亲", "52": "母亲", "57": "继父或养父", "58": "继母或养母", "61": "祖父", "62": "祖母",
    "63": "外祖父", "64": "外祖母", "71": "兄", "75": "姐", "97": "其他亲属", "99": "非亲属",
}  # fmt: skip
"""What a guardian is to the child: the part of GB/T 4761 that is meant."""


def _read_countries(path: Path) -> dict[str, tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["code"]: (row["name"], row["name_en"]) for row in csv.DictReader(file)}


COUNTRIES: Final = _read_countries(Path(__file__).parent / "data" / "countries.csv")
_COUNTRY_NAMES: Final = {
    **{name.casefold(): code for code, names in COUNTRIES.items() for name in names},
    "中华人民共和国": "CHN",
}


def gender_code(text: str) -> str | None:
    """Return the GB/T 2261.1 code of a gender given by code or name, or None."""
    tidy = _tidied(text)
    return tidy if tidy in GENDERS else _by_name(GENDERS, tidy) or _GENDER_ALIASES.get(tidy)


def ethnic_code(text: str) -> str | None:
    """Return the GB/T 3304 code of an ethnic group given as 回, 回族, 03 or 3, or None."""
    tidy = _tidied(text)
    code = tidy.zfill(2) if tidy.isascii() and tidy.isdigit() else ""
    return code if code in ETHNIC_GROUPS else _by_name(ETHNIC_GROUPS, tidy) or _by_name(ETHNIC_GROUPS, f"{tidy}族")


def country_code(text: str) -> str | None:
    """Return the alpha-3 code of a country given by code or by its Chinese or English name, or None."""
    tidy = _tidied(text)
    return tidy.upper() if tidy.upper() in COUNTRIES else _COUNTRY_NAMES.get(tidy)


def status_code(text: str) -> str | None:
    """Return the XSDQZT code of a student status given by code or name, or None."""
    tidy = _tidied(text)
    code = tidy.zfill(2) if tidy.isascii() and tidy.isdigit() else ""
    return code if code in STUDENT_STATUS else _by_name(STUDENT_STATUS, tidy)


def _tidied(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _by_name(table: Mapping[str, str], name: str) -> str | None:
    return next((code for code, known in table.items() if known == name), None)
