"""Who saw a checkpoint: the quorum of the trust file's organisations, and when it was complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xinji_client.errors import CheckFailed, EngineMissingError, SignatureError
from xinji_client.note import Checkpoint
from xinji_client.times import iso
from xinji_client.trust import Trust


@dataclass(frozen=True, slots=True)
class Witnessed:
    """That a quorum has seen a checkpoint, and T, when it was complete."""

    time: int
    evidence: Mapping[str, Any]


def witnessed(trust: Trust | None, head: Checkpoint | None) -> Witnessed:
    """Count organisations, each once, at its earliest good line.

    Raises:
        CheckFailed: `witnesses_none_named`, `witnesses_missing` or `witnesses_quorum`.
    """
    if trust is None or trust.quorum == 0:
        raise CheckFailed("witnesses_none_named")
    if head is None:
        raise CheckFailed("witnesses_missing", "there is no readable checkpoint")
    seen: dict[str, int] = {}
    tried = unchecked = False
    for organisation, keys in trust.witnesses.items():
        for key in keys:
            tried = tried or head.has_line_by(key)
            try:
                time = head.cosigned_at(key)
            except SignatureError:
                continue  # It does not count; enough others may be good.
            except EngineMissingError:
                unchecked = True
                continue
            if time is not None:
                seen[organisation] = min(time, seen.get(organisation, time))
    quorum = trust.quorum
    evidence = {"witnesses": len(seen), "quorum": quorum, "organisations": list(seen)}
    if len(seen) < quorum:
        if unchecked:
            raise EngineMissingError("witnesses sign with an algorithm that this machine lacks")
        raise CheckFailed("witnesses_quorum" if tried else "witnesses_missing", **evidence)
    time = sorted(seen.values())[quorum - 1]
    return Witnessed(time, evidence | {"time": iso(time)})
