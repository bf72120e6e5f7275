from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Uuid, column, insert, table, text

from idp.models import Consent
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.models import Client
from kernel.db import Database, UtcDateTime
from ledger import shard_store, store
from ledger.anchors import store as anchor_store
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
    database = emptied(postgresql_url)
    schema.migrate(database)
    assert differing(database) == []
    database.dispose()


def emptied(postgresql_url: str) -> Database:
    """Return a database without any table."""
    administration = Database(postgresql_url)
    with administration.engine.connect() as connection:
        autonomous = connection.execution_options(isolation_level="AUTOCOMMIT")
        autonomous.execute(text("DROP DATABASE IF EXISTS migrated"))
        autonomous.execute(text("CREATE DATABASE migrated"))
    administration.dispose()
    return Database(postgresql_url.rpartition("/")[0] + "/migrated")


def differing(database: Database) -> list[object]:
    """Return the differences, without the tables that tests define for themselves."""
    return [each for each in schema.differences(database) if "test_" not in repr(each)]


LOG: dict[str, dict[str, object]] = {
    "log_entry": {"leaf_index": 0, "commitment": b"c" * 32, "entry": b"e" * 43},
    "log_checkpoint": {"tree_size": 1, "root_hash": b"r" * 32, "note": "note", "state": "published"},
    "log_head": {"id": 1, "origin": "a.example/log", "hash_name": "sm3", "integrated_root": b"r" * 32},
    "log_anchor_endorsements": {"chain_id": 7, "contract": "0x1", "tree_size": 1, "needed": 2, "endorsers": 3},
    "log_anchor": {"mode": "rpc", "label": "", "chain_id": 7, "contract": "0x1", "tree_size": 1, "nonce": 3},
}
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
MORE: dict[str, dict[str, object]] = {
    "log_checkpoint": {"signed_at": MOMENT, "published_at": MOMENT},
    "log_anchor_endorsements": {
        "confirmed": True,
        "endorsed": '{"0x5": "2026-06-01T00:00:00+00:00"}',
        "asked_at": MOMENT,
    },
    "log_head": dict.fromkeys(("sequenced_size", "integrated_size", "published_size"), 1),
    "log_anchor": {
        "id": UUID(int=5),
        "root_hash": b"r" * 32,
        "previous_size": 0,
        "previous_root": bytes(32),
        "raw_tx": b"t",
        "tx_hash": b"h" * 32,
        "state": "final",
        "attempts": 0,
        "block_number": 9,
        "block_hash": b"b" * 32,
        "created_at": MOMENT,
        "changed_at": MOMENT,
    },
}


def test_a_log_of_before_is_the_first_shard_on_sqlite(tmp_path: Path) -> None:
    keeps_a_log(Database(f"sqlite:///{tmp_path / 'old.sqlite3'}"))


@pytest.mark.postgresql
def test_a_log_of_before_is_the_first_shard_on_postgresql(postgresql_url: str) -> None:
    keeps_a_log(emptied(postgresql_url))


def keeps_a_log(database: Database) -> None:
    """Migration 0007 puts the shard into the keys of all that the log has."""
    schema.migrate(database, to="0006")
    with database.engine.begin() as connection:
        for name, values in LOG.items():
            row = values | MORE.get(name, {})
            typed = table(name, *(column(each, UtcDateTime if each.endswith("_at") else None) for each in row))
            if name == "log_anchor":
                typed.c.id.type = Uuid()
            connection.execute(insert(typed).values(row))
    schema.migrate(database)
    with database.read() as session:
        assert store.entries(session, 0, 9) == [b"e" * 43]
        (shard,) = shard_store.shards(session)
        assert (shard.number, shard.state, shard.opens_at, shard.published_size) == (1, "open", None, 1)
        (checkpoint,) = store.latest_published(session, 9)
        assert (checkpoint.tree_size, checkpoint.note, checkpoint.published_at) == (1, "note", MOMENT)
        anchor = anchor_store.anchor_of(session, 1)
        assert anchor is not None
        assert (anchor.shard, anchor.tree_size, anchor.block_number) == (1, 1, 9)
        place = anchor_store.Place(7, "0x1", 1, 1)
        assert anchor_store.endorsements(session, [place])[place].endorsed == {"0x5": MOMENT}
    database.dispose()


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
