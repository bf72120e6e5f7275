"""The log's state as its operator asks for it, and the witnesses that it is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from ledger.errors import InvalidNoteError, MirrorSourceError
from ledger.explorer.overview import Overview, WaitingView, overview
from ledger.formats.note import MAX_SIZE
from ledger.formats.policy_text import NamedWitness, PolicyText
from ledger.formats.vkey import VerifierKey, parse_vkey
from ledger.upkeep.reading import HttpSource
from server.parts import Parts
from server.settings import Installation, SettingsError, Witness

PATIENCE: Final = timedelta(minutes=1)
PROBE_SECONDS: Final = 5.0
ANSWERS: Final = "answers"
OTHER_KEYS: Final = "other keys"


@dataclass(frozen=True, slots=True)
class Probed:
    """A witness as it was found: `answers`, `other keys` than the policy names, or why it does not answer."""

    witness: Witness
    found: str


@dataclass(frozen=True, slots=True)
class LogState:
    """How far the log is, and what it waits for."""

    overview: Overview
    witnesses: tuple[Probed, ...]
    now: datetime

    @property
    def waiting(self) -> WaitingView | None:
        """The checkpoint that has waited for its quorum for longer than a turn takes."""
        one = self.overview.waiting
        return one if one is not None and self.now - one.signed_at > PATIENCE else None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        log, latest = self.overview, next(iter(self.overview.checkpoints), None)
        waiting = self.waiting
        return {
            "origin": log.origin,
            "hash": log.hash_name,
            "published": log.tree_size,
            "published_at": latest and latest.published_at and latest.published_at.isoformat(),
            "cosigned": {name: time.isoformat() for name, time in latest.witnesses} if latest else {},
            "unpublished": log.unpublished,
            "queued": log.queued,
            "quorum": log.quorum,
            "organisations": log.organisations,
            "waiting": waiting
            and {
                "size": waiting.tree_size,
                "since": waiting.signed_at.isoformat(),
                "cosigned": list(waiting.cosigned),
                "missing": list(waiting.missing),
            },
            "witnesses": [
                {"organisation": one.witness.organisation, "url": one.witness.url, "found": one.found}
                for one in self.witnesses
            ],
        }

    def lines(self) -> Iterator[str]:
        """Say it, a line each."""
        log = self.overview
        yield (
            f"日志 {log.origin}：已发布 {log.tree_size} 条，待发布 {log.unpublished} 条，排队 {log.queued} 条。 "
            f"{log.tree_size} entries published, {log.unpublished} not yet, {log.queued} queued"
        )
        for checkpoint in log.checkpoints[:1]:
            names = ", ".join(f"{name} {time.isoformat()}" for name, time in checkpoint.witnesses) or "—"
            yield f"见证 {len(checkpoint.witnesses)}/{log.organisations}，需要 {log.quorum}。 Cosigned by: {names}"
        for one in self.witnesses:
            says = "有应答" if one.found == ANSWERS else "请查看 LOOK AT"
            yield f"  {one.witness.organisation} {one.witness.url}: {says} {one.found}"
        if self.waiting is not None:
            yield (
                f"等待见证：{self.waiting.tree_size} 条的检查点自 {self.waiting.signed_at.isoformat()} 起缺 "
                f"{'、'.join(self.waiting.missing)}。 Waiting for witnesses: {', '.join(self.waiting.missing)}"
            )


def log_state(parts: Parts) -> LogState:
    """Read how far the log is, and ask each witness whether it is there."""
    with parts.database.read() as session:
        found = overview(session, parts.log)
    return LogState(found, tuple(map(_probed, parts.installation.witnesses)), parts.clock.now())


def policy_of(installation: Installation, log_keys: Sequence[VerifierKey]) -> PolicyText:
    """Return the installation's policy, as others may read it (C2SP tlog-policy)."""
    organisations: dict[str, list[NamedWitness]] = {}
    for one in installation.witnesses:
        members = organisations.setdefault(one.organisation, [])
        members += [NamedWitness(one.organisation, parse_vkey(key), one.url) for key in one.vkeys]
    scheme = installation.base_url.partition("://")[0]
    return PolicyText(
        installation.quorum if organisations else 0,
        tuple((name, tuple(members)) for name, members in organisations.items()),
        tuple((key, f"{scheme}://{key.name}") for key in log_keys),
    )


def with_policy(installation: Installation, text: PolicyText) -> Installation:
    """Return the installation with other witnesses.

    Raises:
        SettingsError: A witness has no address, or the policy is for other logs.
    """
    if text.logs and installation.log_origin not in {key.name for key, _ in text.logs}:
        raise SettingsError(f"the policy names other logs than {installation.log_origin}")
    witnesses: dict[tuple[str, str], Witness] = {}
    for organisation, members in text.organisations:
        for one in members:
            if one.url is None:
                raise SettingsError(f"the witness {one.name} has no address to be asked at")
            made = Witness(organisation=organisation, url=one.url, vkeys=[])
            witnesses.setdefault((organisation, one.url), made).vkeys.append(str(one.key))
    return installation.model_copy(update={"witnesses": list(witnesses.values()), "quorum": text.quorum})


def _probed(witness: Witness) -> Probed:
    source = HttpSource(witness.url, client=httpx.Client(timeout=PROBE_SECONDS, trust_env=False))
    try:
        listed = (source.read("", MAX_SIZE) or b"").decode("utf-8", "replace").split("\n")
    except MirrorSourceError as error:
        return Probed(witness, str(error).removeprefix(": "))
    finally:
        source.close()
    keys = {line for line in listed if _is_key(line)}
    # Other implementations may list none: that they answer is all that can be said.
    return Probed(witness, OTHER_KEYS if keys and not keys & set(witness.vkeys) else ANSWERS)


def _is_key(line: str) -> bool:
    try:
        parse_vkey(line)
    except InvalidNoteError:
        return False
    return True
