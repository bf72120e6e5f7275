"""The key/value store under the embedded chain: one SQLite table, one connection, one thread.

Durable when a transaction's commit returns (`synchronous=FULL`): a block that was
acknowledged outlives `kill -9` and a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.db.backends.base import BaseDB

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there


class SqliteStore(BaseDB):
    """py-evm's database interface over `kv(k, v)`, with `facts(name, value)` beside it."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Use it only from the thread that opened it."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        with self.transaction():
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
            )
            self._connection.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")

    def __getitem__(self, key: bytes) -> bytes:
        row = self._connection.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value: bytes = row[0]
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._connection.execute(
            "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v", (key, value)
        )

    def __delitem__(self, key: bytes) -> None:
        if not self._connection.execute("DELETE FROM kv WHERE k = ?", (key,)).rowcount:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        return self._connection.execute("SELECT 1 FROM kv WHERE k = ?", (key,)).fetchone() is not None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside durable together, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # Some failures of COMMIT have rolled back already.
                self._connection.execute("ROLLBACK")
            raise

    def facts(self) -> dict[str, str]:
        """Return what was written down about the chain when it was made."""
        return dict(self._connection.execute("SELECT name, value FROM facts"))

    def write_facts(self, facts: dict[str, str]) -> None:
        """Write down what must stay as it is for the chain's whole life."""
        self._connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
