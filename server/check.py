"""`xinji check`: every setting that a production installation may not have."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import NamedTuple

from server.settings import ChainSettings, Installation, Settings

SHORTEST_WINDOW = 600


class Finding(NamedTuple):
    """One insecure setting: what it is, why it matters, what to do."""

    setting: str
    why: str
    remedy: str


def findings(settings: Settings, installation: Installation) -> list[Finding]:
    """Return every insecure setting of this installation."""
    return list(_findings(settings, installation))


def _findings(settings: Settings, installation: Installation) -> Iterator[Finding]:
    if not installation.base_url.startswith("https://"):
        yield Finding(
            "XINJI_BASE_URL", "pages, cookies and codes travel unencrypted", "make a new data folder for https"
        )
    if installation.demo:
        yield Finding("demo", "demo accounts with published passwords exist", "start from an empty data folder")
    if settings.database.startswith("sqlite"):
        yield Finding("XINJI_DATABASE_URL", "SQLite has no replica: a lost disk loses data", "use PostgreSQL")
        if settings.sqlite_synchronous != "full":
            yield Finding(
                "XINJI_SQLITE_SYNCHRONOUS", "a power cut may take back what was committed last", "leave it at full"
            )
    if not installation.witnesses or installation.quorum < 1:
        yield Finding("witnesses", "only the operator vouches for the log", "name witnesses of other organisations")
    elif 2 * installation.quorum <= len({witness.organisation for witness in installation.witnesses}):
        yield Finding("quorum", "two disjoint quorums could see two histories", "raise the quorum above one half")
    yield from _of_chain(settings.rpc_chain)
    yield Finding("signing keys", "software keys are no certified module", "use an SDF device (GM/T 0018)")
    if installation.rhythm.sequencing < SHORTEST_WINDOW:
        yield Finding("rhythm.sequencing", "a short window shows who was issued what when", "use 600 or more")
    mode = settings.key_folder.stat().st_mode if settings.key_folder.exists() else 0
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("XINJI_KEYS_DIR", "other users can read the key-encryption keys", "chmod 700")


def _of_chain(chain: ChainSettings) -> Iterator[Finding]:
    if chain.engine == "embedded":
        yield Finding(
            "chain", "the embedded chain has one node and no consensus", "use an `rpc` chain of the consortium"
        )
        return
    if chain.profile == "cosmos-evm":
        yield Finding("XINJI_CHAIN_PROFILE", "its node is licensed for tests only (BUSL-1.1)", "use besu-qbft")
    if chain.operators == 1:
        yield Finding("XINJI_CHAIN_OPERATORS", "who runs all validators decides alone", "share the chain with others")
    if chain.member_key is not None:
        yield Finding(
            "XINJI_CHAIN_MEMBER_KEY", "whoever takes this server takes a seat in the panel", "keep the key elsewhere"
        )
    if len(chain.rpc) == 1:
        yield Finding("XINJI_CHAIN_RPC", "one node can lie about what is final", "name nodes of several organisations")
