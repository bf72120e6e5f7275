"""The shards of an installation's log: named in its trust file, and, once a year, the next one. ADR 0014.

`new_year` goes as far as it can: announce, switch, final checkpoint, keys destroyed. What was done
is in the database, the trust file and the key ring; so it goes on from wherever it was ended.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crypto.encoding import b64
from crypto.keyring import DESTROYED, LOG, KeyRing
from kernel.pages import ZONE
from ledger import shard_store
from ledger.errors import LogRolledBackError, ShardStepError
from ledger.formats.shard import FIRST, ShardState
from ledger.log import LogServices, create_keys
from ledger.publication import cycle as publication_cycle
from ledger.publication import sharding
from ledger.shard_store import Shard
from server.settings import Installation
from server.trust import publish_trust, read_trust

NOTICE: Final = timedelta(days=30)
"""How long verifiers and witnesses have the new keys before anything is signed with them."""
FROM_JULY_ON: Final = timedelta(days=184)
TURNS: Final = 1_000

Logs = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class YearChange:
    """What a change of years needs.

    `log` is the first log; `ring` holds the keys of all shards; `publish` makes the trust file say
    which logs there are now; `say` tells the operator.
    """

    log: LogServices
    ring: KeyRing
    publish: Callable[[], object]
    say: Callable[[str], None]


def known_shards(log: LogServices) -> list[Shard]:
    """Return all shards, the oldest first."""
    with log.database.read() as session:
        return shard_store.shards(session)


def trusted_logs(log: LogServices) -> Logs:
    """Return the shards as the trust file names them; makes keys that are missing, but never those of a frozen one."""
    known = known_shards(log)
    if not any(one.number == FIRST for one in known):
        return [_named(log.origin, log.tiles.hash_name, [str(key) for key in create_keys(log.signer, log.origin)])]
    logs = []
    for one in known:
        if one.state is ShardState.FROZEN:
            final = {"size": one.tree.tree_size, "root": b64(one.tree.root_hash)}
            logs.append({**_named(one.origin, one.hash_name, one.vkeys), "final": final})
        else:
            keys = create_keys(log.signer, one.origin)
            logs.append(_named(one.origin, one.hash_name, [str(key) for key in keys]))
    return logs


def publish_logs(
    path: Path,
    installation: Installation,
    log: LogServices,
    *,
    chains: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return what the trust file at `path` says, after writing a new version of it if the logs or chains changed.

    `chains`: as the file has them, unless given. Two processes at once write one after the other, and
    each what the database says then: the later file never says less.

    Raises:
        LogRolledBackError: The file knows more than the database.
        ShardStepError: There is no file, and so nobody who knows the chains: the server was never started.
    """
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        logs, trust = trusted_logs(log), read_trust(path)
        refuse_older(logs, trust)
        if chains is None and trust is None:
            raise ShardStepError("there is no trust file yet: start the server once")
        chains = trust["chains"] if chains is None and trust is not None else chains or []
        return publish_trust(path, installation, log.signer, logs=logs, chains=chains, now=log.clock.now())


def refuse_older(logs: Sequence[Mapping[str, Any]], trust: Mapping[str, Any] | None) -> None:
    """Make sure that the database knows every log that our own trust file names, and which of them have ended.

    Raises:
        LogRolledBackError: It does not: it was restored from a backup of before a change of years.
    """
    here = {one["origin"]: one for one in logs}
    for told in (trust or {"logs": []})["logs"]:
        known = here.get(told["origin"])
        if known is None or ("final" in told and known.get("final") != told["final"]):
            raise LogRolledBackError(
                f"the trust file knows more of the log {told['origin']} than the database: that is older than the "
                "change of years. Bring back the database as it was last; nothing is signed until then",
                published=told.get("final", {}).get("size", 0),
                known=0,
            )


def coming_year(now: datetime) -> int:
    """Return the year whose shard is to be: from July on the next one, before that the present one."""
    return (now.astimezone(ZONE) + FROM_JULY_ON).year


def new_year(by: YearChange, year: int, *, early: bool, destroy_keys: Callable[[str], bool]) -> bool:
    """Bring the year's shard into use, as far as that can be done now; return whether nothing is left to do.

    Args:
        by: What it needs.
        year: The new shard's year.
        early: Open it at once, unannounced: for trials only.
        destroy_keys: Asked, with the origin of a frozen shard, whether its private keys may be destroyed.

    Raises:
        ShardStepError: The log is not where a change of years begins.
        LostRaceError: Another process was faster; to call this again goes on from there.
    """
    _announce(by, year)
    opened = _switch(by, year, early=early)
    frozen = _close(by)
    by.publish()  # Before any key is destroyed, it is told where each log ended.
    destroyed = _destroy(by, destroy_keys)
    return opened and frozen and destroyed


def _announce(by: YearChange, year: int) -> None:
    if any(one.number == year for one in known_shards(by.log)):
        by.publish()
        return
    now = by.log.clock.now()
    begin = datetime(year, 1, 1, tzinfo=ZONE)
    shard = sharding.announce(by.log, year, opens_at=max(begin, now + NOTICE))
    by.publish()
    by.say(
        f"announced: the log {shard.origin} is in the trust file. Give its keys to every witness (xinji witness --log) "
        f"and, where the chain is a consortium's, have its panel open it. It opens from {_day(shard)} on"
    )


def _switch(by: YearChange, year: int, *, early: bool) -> bool:
    """Open the announced shard if it is time; return whether it is open, or was."""
    shard = sharding.shard_of(known_shards(by.log), year)
    if shard.state is not ShardState.ANNOUNCED or shard.opens_at is None:
        return True
    if by.log.clock.now() < shard.opens_at:
        if not early:
            by.say(f"waiting: the log {shard.origin} opens from {_day(shard)} on; call this again then")
            return False
        by.say("warning: opened unannounced. Verifiers refuse its proofs until they have the new trust file")
    count = sharding.switch(by.log, year, early=early)
    by.say(f"open: all that waits or comes goes into {shard.origin}; {count} statements stand in it first")
    return True


def _close(by: YearChange) -> bool:
    """Publish what the closing shard has, and freeze it; return whether none is left that closes."""
    closing = [one for one in known_shards(by.log) if one.state is ShardState.CLOSING]
    for shard in closing:
        for _ in range(TURNS):
            if publication_cycle.run_once(by.log) == 0:
                break
        try:
            frozen = sharding.freeze(by.log, shard.number)
        except ShardStepError as error:
            by.say(f"waiting: {error}. Call this again")
            return False
        by.say(f"frozen: the final checkpoint of {frozen.origin} has {frozen.tree.tree_size} entries. Mirror it today")
    return True


def _destroy(by: YearChange, may: Callable[[str], bool]) -> bool:
    """Destroy the private keys of frozen shards; return whether none is left."""
    done = True
    for shard in known_shards(by.log):
        left = [record for record in by.ring.records(LOG, shard.origin) if record.state != DESTROYED]
        if shard.state is not ShardState.FROZEN or not left:
            continue
        if not may(shard.origin):
            by.say(f"kept: the private keys of {shard.origin}. Call this again to destroy them")
            done = False
            continue
        for record in left:
            by.ring.retire(record.key_id)
            by.ring.destroy(record.key_id)
        by.say(f"destroyed: the private keys of {shard.origin}. Destroy them in backups of the key ring too")
    return done


def _named(origin: str, hash_name: str, vkeys: Sequence[str]) -> dict[str, Any]:
    return {"origin": origin, "hash": hash_name, "vkeys": list(vkeys)}


def _day(shard: Shard) -> str:
    if shard.opens_at is None:
        raise AssertionError("an announced shard has its time")
    return f"{shard.opens_at.astimezone(ZONE):%Y-%m-%d}"
