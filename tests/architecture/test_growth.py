"""Nothing grows: every table of the identity provider is purged, or says here why its rows stay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, Table, create_engine, select, text
from sqlalchemy.dialects import sqlite

import idp.purge
from kernel.db import Base
from kernel.store import Expired
from server import tables

NOW = datetime(2026, 6, 30, tzinfo=UTC)
STAY = {
    "idp_organisation": "a school is kept for good, also a closed one",
    "idp_organisation_code": "the history of a school's codes",
    "idp_succession": "which school came from which",
    "idp_person": "one number for life; a tombstone stays",
    "idp_person_document": "as long as the person",
    "idp_person_alias": "as long as the person",
    "idp_affiliation": "the history of enrolment and employment",
    "idp_account": "one for each person who signs in",
    "idp_recovery_code": "ten for each person, replaced as a whole",
    "idp_pairwise_sub": "a name that a platform knows is never given again",
    "idp_consent_text": "one for each wording of the consent page that was ever shown",
}
BY_DIRECTORY = {  # `idp.directory.purge`; tests/integration/idp_directory/test_purge_and_plans.py holds them.
    "idp_import",
    "idp_import_piece",
    "idp_import_block",
    "idp_activation_code",
    "idp_index_use",
    "idp_review_case",
    "idp_guardianship",
}
ONE_EACH = {  # Looked at as a whole once an hour: a handful of rows.
    "idp_client",
    "idp_platform_filing",
    "idp_platform_decision",
    "idp_pairwise_sub",
}


def provider_tables() -> dict[str, Table]:
    assert tables.MODULES
    return {name: table for name, table in Base.metadata.tables.items() if name.startswith("idp_")}


def purged() -> set[str]:
    """Return the tables that the purge names, and those whose rows go with a row of one."""
    named = {key.class_.__tablename__ for key, _ in idp.purge.expired(NOW)}
    with_them = {
        name
        for name, table in provider_tables().items()
        for foreign in table.foreign_keys
        if foreign.ondelete == "CASCADE" and foreign.column.table.name in named
    }
    return named | with_them


def test_every_table_is_purged_or_says_why_not() -> None:
    assert len(provider_tables()) > 20
    assert provider_tables().keys() - purged() - BY_DIRECTORY - STAY.keys() == set()
    assert (STAY.keys() | BY_DIRECTORY) - provider_tables().keys() == set()
    assert BY_DIRECTORY & purged() == set()


def test_every_row_that_expires_is_found_by_an_index() -> None:
    bare = [
        name
        for name, table in provider_tables().items()
        if "expires_at" in table.columns
        and not any(next(iter(index.columns)).name == "expires_at" for index in table.indexes)
    ]
    assert bare == []


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'empty.sqlite3'}")
    assert tables.MODULES
    Base.metadata.create_all(engine)
    return engine


@pytest.mark.parametrize("expired", idp.purge.expired(NOW), ids=lambda one: one[0].class_.__tablename__)
def test_no_purge_reads_a_whole_table(engine: Engine, expired: Expired) -> None:
    key, condition = expired
    name = key.class_.__tablename__
    query = (
        select(key)
        .where(condition)
        .limit(200)
        .compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    )
    with engine.connect() as connection:
        plan = [str(row[3]) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    scanned = {
        table
        for table in provider_tables()
        for line in plan
        if line.startswith(f"SCAN {table}") and "USING INDEX" not in line
    }
    assert scanned - ONE_EACH == set(), (name, plan)
