"""Make a data folder: what is fixed, the schema, the province, its first officer. Safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass

from idp.directory import lookup
from idp.directory.appointment import Appointed, appoint, read_appointment
from idp.directory.registration import found_province
from kernel.db import Database
from server.parts import Parts, build_parts, key_folder
from server.schema import migrate
from server.settings import Installation, Settings, installation_path, load_installation, save_installation


@dataclass(frozen=True, slots=True)
class Officer:
    """Who is to be the province's first officer."""

    name: str
    document_number: str


def prepare(settings: Settings, wished: Installation) -> Installation:
    """Fix the installation in the data folder, make its keys and bring its schema up to date.

    Where the folder has an installation already, that one stays as it is.

    Raises:
        SettingsError: `XINJI_BASE_URL` contradicts what the folder was made for.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not installation_path(settings).exists():
        save_installation(settings, wished)
    keks = key_folder(settings)
    for name in ("signing", "fields", "blind-index", "cookies", "shares", "approvals", "pairwise"):
        keks.load_or_create(name)
    database = Database(settings.database)
    migrate(database)
    database.dispose()
    return load_installation(settings)


def found(settings: Settings) -> Parts:
    """Register the province, the root of the tree, where it is missing; return the parts."""
    parts = build_parts(settings)
    installation = parts.installation
    with parts.database.write() as session:
        if not lookup.organisation_names(session, [installation.province]):
            found_province(
                session,
                code=installation.province,
                name=installation.province_name,
                name_en=installation.province_name_en,
                now=parts.clock.now(),
            )
    return parts


def first_officer(parts: Parts, officer: Officer) -> Appointed:
    """Appoint the province's first officer; the activation code is shown this once.

    Raises:
        InputError: The name or the number breaks a rule.
        AppointedAlreadyError: They are the province's officer already.
    """
    who = read_appointment(
        name=officer.name,
        document_type="居民身份证",
        document_number=officer.document_number,
        birthdate="",
        gender="",
        now=parts.clock.now(),
    )
    province = parts.installation.province
    return appoint(
        parts.database, who, role="officer", organisation=province, officer_of=None, actor=None, by=parts.directory
    )
