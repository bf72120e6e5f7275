"""The diploma of higher education (学历证书): 学历证书电子注册 fields, standards.md §4.1 and §4.2."""

from __future__ import annotations

from typing import Any, Final

from credentials.types.codes import CONCLUSIONS, GENDERS, LEVELS, STUDY_FORMS
from credentials.types.credential_type import CredentialType, Field, Layout

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 100}
_DATE: Final[dict[str, Any]] = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}

DIPLOMA: Final = CredentialType(
    code="diploma",
    version=1,
    zh="毕业证书",
    en="Diploma of Graduation",
    fields=(
        Field("name", "姓名", "Name", {"type": "string", "minLength": 1, "maxLength": 60}),
        Field("gender", "性别", "Gender", {"type": "string", "enum": list(GENDERS)}, GENDERS),
        Field("birthdate", "出生日期", "Date of birth", _DATE),
        Field("school_name", "学校名称", "School", _TEXT),
        Field("school_name_en", "学校英文名称", "School (English)", _TEXT, required=False),
        Field("level", "学历层次", "Level", {"type": "string", "enum": list(LEVELS)}, LEVELS),
        Field("major", "专业", "Major", _TEXT),
        Field("study_form", "学习形式", "Form of study", {"type": "string", "enum": list(STUDY_FORMS)}, STUDY_FORMS),
        Field(
            "study_length",
            "学制（年）",
            "Length of study (years)",
            {"type": "number", "minimum": 0.5, "maximum": 12, "multipleOf": 0.5},
        ),
        Field("entry_date", "入学日期", "Entry date", _DATE),
        Field("graduation_date", "毕（结）业日期", "Graduation date", _DATE),
        Field("conclusion", "毕（结）业结论", "Conclusion", {"type": "string", "enum": list(CONCLUSIONS)}, CONCLUSIONS),
        Field("certificate_number", "证书编号", "Certificate number", {"type": "string", "pattern": r"^\d{18}$"}),
        Field("president", "校（院）长", "President", {"type": "string", "minLength": 1, "maxLength": 60}),
        Field("issued_on", "发证日期", "Date of issue", _DATE),
    ),
    school_types=frozenset({"41", "42"}),
    digests=24,
    layout=Layout(
        holder="name",
        lines=(
            *("gender", "birthdate", "level", "major", "study_form", "study_length"),
            *("entry_date", "graduation_date", "conclusion", "school_name", "school_name_en"),
        ),
        number="certificate_number",
        signed_by="president",
    ),
)
