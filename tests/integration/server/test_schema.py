from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import column, insert, table, text

from idp.models import Consent
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.models import Client
from kernel.db import Database
from ledger.queue_store import queued
from server import schema
from tests.integration.ledger.world import credential


def test_migrations_lead_to_the_tables_of_the_code_on_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'fresh.sqlite3'}")
    schema.migrate(database)
    schema.migrate(database)  # A second time does nothing.
    assert differing(database) == []
    database.dispose()


@pytest.mark.postgresql
def test_migrations_lead_to_the_tables_of_the_code_on_postgresql(postgresql_url: str) -> None:
    administration = Database(postgresql_url)
    with administration.engine.connect() as connection:
        autonomous = connection.execution_options(isolation_level="AUTOCOMMIT")
        autonomous.execute(text("DROP DATABASE IF EXISTS migrated"))
        autonomous.execute(text("CREATE DATABASE migrated"))
    administration.dispose()
    database = Database(postgresql_url.rpartition("/")[0] + "/migrated")
    schema.migrate(database)
    assert differing(database) == []
    database.dispose()


def differing(database: Database) -> list[object]:
    """Return the differences, without the tables that tests define for themselves."""
    return [each for each in schema.differences(database) if "test_" not in repr(each)]


def test_platforms_and_consents_of_before_keep_what_they_said(tmp_path: Path) -> None:
    """Migration 0002 moves nine columns into one document, 0003 makes receipts: nothing may get lost."""
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    schema.migrate(database, to="0001")
    moment = "2026-06-01 00:00:00"
    old = {
        "client_id": "xc_old",
        "secret_hash": b"h" * 32,
        "name": "旧平台",
        "name_en": "Old",
        "owner": "示范单位",
        "purpose": "",
        "redirect_uris": '["https://old.example.edu.cn/cb"]',
        "post_logout_redirect_uris": "[]",
        "scope": "openid profile offline_access",
        "grant_types": '["authorization_code", "refresh_token"]',
        "auth_method": "client_secret_post",
        "id_token_alg": "SGD_SM3_SM2",
        "sector": "old.example.edu.cn",
        "require_pkce": False,
        "default_max_age": 60,
        "created_at": moment,
        "blocked_at": moment,
    }
    consent = {
        "id": "01a1ff00-0000-7000-8000-000000000001".replace("-", ""),
        "person_id": "01a1ff00-0000-7000-8000-000000000002".replace("-", ""),
        "client_id": "xc_old",
        "scope": "openid profile",
        "fields": '{"claims": ["name"]}',
        "text_version": "consent/1",
        "given_at": moment,
        "withdrawn_at": None,
    }
    with database.engine.begin() as connection:
        for name, values in (("idp_client", old), ("idp_consent", consent)):
            connection.execute(insert(table(name, *(column(each) for each in values))).values(values))
    schema.migrate(database)
    with database.read() as session:
        kept = session.get_one(Client, "xc_old")
        metadata = ClientMetadata.model_validate(kept.registered)
        receipt = session.query(Consent).one()
    database.dispose()
    assert (receipt.name, receipt.owner, receipt.given_by) == ("旧平台", "示范单位", receipt.person_id)
    assert receipt.fields == {"claims": ["name"], "details": []}
    assert receipt.until - receipt.given_at == timedelta(days=365)
    assert (kept.kind, kept.state, kept.secret_hash) == ("platform", "blocked", b"h" * 32)
    assert metadata == ClientMetadata(
        redirect_uris=("https://old.example.edu.cn/cb",),
        scope="openid profile offline_access",
        grant_types=("authorization_code", "refresh_token"),
        token_endpoint_auth_method="client_secret_post",
        id_token_signed_response_alg="SGD_SM3_SM2",
        require_pkce=False,
        default_max_age=60,
    )


def test_what_waited_for_the_log_waits_on(tmp_path: Path) -> None:
    """Migration 0005 makes the queue anew."""
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    schema.migrate(database, to="0004")
    entry = credential(1).encode()
    row = {"commitment": entry[11:], "entry": entry, "submitted_at": "2026-06-01 00:00:00.000000"}
    with database.engine.begin() as connection:
        connection.execute(insert(table("log_queue", *(column(each) for each in row))).values(row))
    schema.migrate(database)
    with database.read() as session:
        assert queued(session, until=datetime(2026, 6, 1, tzinfo=UTC), after=b"", limit=9) == [entry]
    database.dispose()
