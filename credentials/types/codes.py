"""Code tables that credential types use, each with its source. Values are (Chinese, English)."""

from __future__ import annotations

from typing import Final

from credentials.types.credential_type import Words

# GB/T 2261.1
GENDERS: Final[Words] = {
    "0": ("未知", "Unknown"),
    "1": ("男", "Male"),
    "2": ("女", "Female"),
    "9": ("未说明", "Not stated"),
}

# GB/T 4658-2006, the levels of higher education that end with a certificate.
LEVELS: Final[Words] = {
    "11": ("博士研究生毕业", "Doctoral graduate"),
    "12": ("博士研究生结业", "Doctoral programme completed"),
    "14": ("硕士研究生毕业", "Master's graduate"),
    "15": ("硕士研究生结业", "Master's programme completed"),
    "21": ("大学本科毕业", "Undergraduate, graduated"),
    "22": ("大学本科结业", "Undergraduate programme completed"),
    "31": ("大学专科毕业", "Junior college, graduated"),
    "32": ("大学专科结业", "Junior college programme completed"),
}

# The words of a file's column 学历层次, and the two codes they stand for: (毕业, 结业).
LEVEL_WORDS: Final[dict[str, tuple[str, str]]] = {
    "博士": ("11", "12"),
    "博士研究生": ("11", "12"),
    "硕士": ("14", "15"),
    "硕士研究生": ("14", "15"),
    "本科": ("21", "22"),
    "大学本科": ("21", "22"),
    "专升本": ("21", "22"),
    "第二学士学位": ("21", "22"),
    "专科": ("31", "32"),
    "大专": ("31", "32"),
    "高职": ("31", "32"),
    "大学专科": ("31", "32"),
    "高职(专科)": ("31", "32"),
}

# Standards.md §3.2, 学习形式.
STUDY_FORMS: Final[Words] = {
    "全日制": ("全日制", "Full-time"),
    "非全日制": ("非全日制", "Part-time"),
    "业余": ("业余", "Spare-time"),
    "函授": ("函授", "Correspondence"),
    "脱产": ("脱产", "Released from work"),
    "夜大学": ("夜大学", "Evening university"),
    "网络教育": ("网络教育", "Online education"),
    "开放教育": ("开放教育", "Open education"),
}

CONCLUSIONS: Final[Words] = {
    "毕业": ("毕业", "Graduated"),
    "结业": ("结业", "Completed without graduation"),
}
