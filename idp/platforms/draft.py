"""What an owner files about a platform: read from a form, field by field, and shown in one again. Pure.

The content is what 教技厅〔2019〕3号, PIPL and the rules for minors want to be known before a
platform may see anybody. Scopes are denied by default: each one that is asked for needs its
own reason, those that tell more than a name need a longer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.names import is_visible
from idp.oauth.clients.rules import check_uri
from idp.oauth.scopes import OPENID
from idp.platforms import numbers
from idp.platforms.errors import (
    AppNeedsFilingsError,
    AssessmentError,
    AudienceError,
    HomeError,
    MinorsError,
    NeedMissingError,
    RetentionError,
)
from idp.platforms.fields import FormReader, Typed
from idp.platforms.technical import read_technical, typed_technical

ROLES: Final = ("student", "guardian", "teacher", "registrar", "officer")
SENSITIVE: Final = frozenset({"eid", "aff", "guardian"})
"""Scopes that tell more than a name: they need a reason of `SENSITIVE_NEED` characters."""
NEED: Final = 4
SENSITIVE_NEED: Final = 10
NEED_LENGTH: Final = 200
MOST_DAYS: Final = 3650
ASSESSMENT_KEPT: Final = timedelta(days=3 * 365)
_NAMES: Final = {"name": 80, "owner_name": 100, "purpose": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingDraft:
    """A filing whose every field is in order."""

    name: str
    name_en: str
    owner_code: str
    owner_name: str
    home: str
    icp: str
    protection_level: int
    protection_number: str
    app_number: str | None
    roles: tuple[str, ...]
    minors: bool
    purpose: str
    needs: Mapping[str, str]
    retention_days: int
    assessed_on: date
    contact: str
    metadata: ClientMetadata


def read_draft(typed: Typed, *, today: date) -> FilingDraft:
    """Return what the form says.

    Raises:
        FormRefusedError: With the mistake of each field that has one.
    """
    reader = FormReader(typed)
    owner_code = reader.parsed("owner_code", numbers.parse_owner_code, otherwise="")
    texts = {name: reader.line(name, limit) for name, limit in _NAMES.items()}
    texts["name_en"] = reader.line("name_en", 80, needed=False)
    icp = reader.parsed("icp", numbers.parse_icp, otherwise="")
    level = reader.parsed("protection_level", numbers.parse_protection_level, otherwise=0)
    protection = reader.parsed("protection_number", numbers.parse_protection_number, otherwise="")
    draft = FilingDraft(
        **texts,
        owner_code=owner_code,
        home=_home(reader),
        icp=icp,
        protection_level=level,
        protection_number=protection,
        app_number=_app_number(reader, owner_code, filed=bool(icp and level and protection)),
        roles=_roles(reader),
        minors=_minors(reader),
        metadata=read_technical(reader, test=False),
        needs=_needs(reader),
        retention_days=_days(reader),
        assessed_on=_assessed(reader, today),
        contact=reader.parsed("contact", numbers.parse_contact, otherwise=""),
    )
    reader.finish()
    return draft


def typed_draft(values: Mapping[str, Any], metadata: ClientMetadata) -> dict[str, list[str]]:
    """Return a filing's columns as a form's fields, for filing again."""
    plain = {
        name: [str(values[name] or "")]
        for name in (
            *_NAMES,
            "name_en",
            "owner_code",
            "home",
            "icp",
            "protection_level",
            "protection_number",
            "app_number",
            "retention_days",
            "contact",
        )
    }
    needs = {f"need_{scope}": [text] for scope, text in values["needs"].items()}
    return {
        **plain,
        **needs,
        **typed_technical(metadata),
        "roles": list(values["roles"]),
        "minors": ["yes" if values["minors"] else "no"],
        "assessed_on": [values["assessed_on"].isoformat()],
    }


def _home(reader: FormReader) -> str:
    home = reader.text("home")
    try:
        check_uri("home", home)
    except InvalidClientMetadataError:
        reader.note("home", HomeError("the home page is no https address"))
        return home
    if urlsplit(home).scheme != "https":
        reader.note("home", HomeError("the home page is no https address"))
    return home


def _app_number(reader: FormReader, owner_code: str, *, filed: bool) -> str | None:
    """Return the app's number. A school that made the app for itself files no provider (教技厅〔2019〕3号)."""
    if not reader.text("app_number") and numbers.is_school(owner_code):
        return None
    number = reader.parsed("app_number", numbers.parse_app_number, otherwise="")
    if number and not filed:
        reader.note("app_number", AppNeedsFilingsError("ICP and classified protection come first"))
    return number


def _roles(reader: FormReader) -> tuple[str, ...]:
    roles = reader.all("roles")
    if not roles or set(roles) - set(ROLES):
        reader.note("roles", AudienceError("nobody is named for whom the platform is"))
    return tuple(role for role in ROLES if role in roles)


def _minors(reader: FormReader) -> bool:
    answer = reader.text("minors")
    if answer not in ("yes", "no"):
        reader.note("minors", MinorsError("say whether minors are among the users"))
    return answer == "yes"


def _needs(reader: FormReader) -> dict[str, str]:
    needs: dict[str, str] = {}
    for scope in reader.all("scope"):
        if scope == OPENID:
            continue
        name = f"need_{scope}"
        minimum = SENSITIVE_NEED if scope in SENSITIVE else NEED
        needs[scope] = reader.line(name, NEED_LENGTH, needed=False)
        if len(needs[scope]) < minimum or not is_visible(needs[scope]):
            reader.note(name, NeedMissingError(f"say what {scope[:20]!a} is needed for", minimum=minimum))
    return needs


def _days(reader: FormReader) -> int:
    text = reader.text("retention_days")
    days = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_DAYS)) else 0
    if not 0 < days <= MOST_DAYS:
        reader.note("retention_days", RetentionError("the days are no number", most=MOST_DAYS))
    return days


def _assessed(reader: FormReader, today: date) -> date:
    try:
        day = date.fromisoformat(reader.text("assessed_on"))
    except ValueError:
        day = date.max
    if not today - ASSESSMENT_KEPT <= day <= today:
        reader.note("assessed_on", AssessmentError("the assessment's day is none of the last three years"))
    return day
