"""What a monitor tells an issuer: its entries beside its receipts, and whatever there is to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ledger.errors import InvalidReceiptsError
from ledger.formats.entry import EntryType
from ledger.formats.receipts import Receipt
from ledger.monitor.keeping import Named, Seen
from ledger.monitor.visiting import Visit

FORMAT: Final = "xinji/monitor-report/1"
SKEW: Final = timedelta(minutes=10)
"""How far apart the clocks of witnesses, of the issuer and here may be."""
UNTOLD: Final = timedelta(days=1)
"""After this time an entry wants a receipt, also where the receipts that are here are older than it."""
_KNOWN: Final = frozenset(map(int, EntryType))


@dataclass(frozen=True, slots=True)
class Found:
    """An entry to look at: in which log, and why. The reasons are `REASONS`."""

    reason: str
    origin: str
    entry: Named


WITHOUT_RECEIPT: Final = "without_receipt"
WITHOUT_EVIDENCE: Final = "without_evidence"
REPEATED: Final = "repeated"
UNKNOWN_TYPE: Final = "unknown_type"
REASONS: Final = (WITHOUT_RECEIPT, WITHOUT_EVIDENCE, REPEATED, UNKNOWN_TYPE)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one issuer. `unreachable`: origins, each with why; of these nothing is new.

    `without_entry`: receipts whose time is over; `waiting`: those whose time is not. `newer`: how many
    entries without a receipt came after the receipts were written, less than a day ago: not judged yet.
    """

    issuer_code: str
    visits: tuple[Visit, ...]
    unreachable: Mapping[str, str]
    found: tuple[Found, ...]
    receipts: int | None
    newer: int
    without_entry: tuple[Receipt, ...]
    waiting: tuple[Receipt, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.found or self.without_entry or any(visit.alarm for visit in self.visits))


def report(
    issuer_code: str,
    visits: Sequence[Visit],
    unreachable: Mapping[str, str],
    receipts: Iterable[Receipt] | None,
    *,
    now: datetime,
) -> Report:
    """Put entries and receipts beside each other; without `receipts` only the log is judged.

    Where a log could not be reached, receipts without an entry are not judged: they may be there.

    Raises:
        InvalidReceiptsError: A receipt is of another issuer.
    """
    mine = None if receipts is None else _own(issuer_code, receipts)
    logged = {(one.type, one.commitment) for visit in visits for one in visit.entries}
    missing = [] if mine is None or unreachable else [one for key, one in mine.items() if key not in logged]
    newer, judged = _without_receipt(visits, mine, now)
    return Report(
        issuer_code=issuer_code,
        visits=tuple(visits),
        unreachable=dict(unreachable),
        found=(*judged, *_odd(visits)),
        receipts=None if mine is None else len(mine),
        newer=newer,
        without_entry=tuple(one for one in missing if one.logged_by < now),
        waiting=tuple(one for one in missing if one.logged_by >= now),
    )


def _own(issuer_code: str, receipts: Iterable[Receipt]) -> dict[tuple[int, str], Receipt]:
    mine: dict[tuple[int, str], Receipt] = {}
    for one in receipts:
        if one.issuer_code != issuer_code:
            raise InvalidReceiptsError(f"a receipt is of {one.issuer_code}, not of {issuer_code}", row=0)
        mine[int(one.type), one.commitment.hex()] = one
    return mine


def _without_receipt(
    visits: Sequence[Visit], mine: Mapping[tuple[int, str], Receipt] | None, now: datetime
) -> tuple[int, list[Found]]:
    """Return the credentials' entries that lack a receipt, and how many more are newer than the receipts."""
    if mine is None:
        return 0, []
    complete_to = max((one.complete_to for one in mine.values() if one.complete_to), default=None)
    found: list[Found] = []
    newer = 0
    for visit in visits:
        for one in visit.entries:
            if one.type != EntryType.CREDENTIAL or (one.type, one.commitment) in mine:
                continue
            since = datetime.fromtimestamp(_moment(one.checkpoint), UTC)
            if complete_to is None or since + SKEW <= complete_to or since + UNTOLD <= now:
                found.append(Found(WITHOUT_RECEIPT, visit.origin, one))
            else:
                newer += 1
    return newer, found


def _odd(visits: Sequence[Visit]) -> Iterable[Found]:
    """Give the entries that would be odd with any receipts."""
    seen: set[tuple[str, str]] = set()
    for visit in visits:
        unproved = {one.index for one in visit.unproved}
        for one in visit.entries:
            if one.type not in _KNOWN:
                yield Found(UNKNOWN_TYPE, visit.origin, one)
            if one.index in unproved:
                yield Found(WITHOUT_EVIDENCE, visit.origin, one)
            # What accredits stands in each year's log again, and once in each. Nothing else stands twice anywhere.
            place = (visit.origin if one.type == EntryType.ACCREDITATION else "", one.commitment)
            if place in seen:
                yield Found(REPEATED, visit.origin, one)
            seen.add(place)


def as_json(made: Report) -> dict[str, Any]:
    """Return the report as JSON; times are ISO 8601 in UTC."""
    return {
        "format": FORMAT,
        "issuer": made.issuer_code,
        "ok": made.is_clean and not made.unreachable,
        "logs": [_visit(visit) for visit in made.visits],
        "unreachable": dict(made.unreachable),
        "found": [{"reason": one.reason, "log": one.origin, **_entry(one.entry)} for one in made.found],
        "receipts": None
        if made.receipts is None
        else {
            "count": made.receipts,
            "newer": made.newer,
            "without_entry": [_receipt(one) for one in made.without_entry],
            "waiting": [_receipt(one) for one in made.waiting],
        },
    }


def _visit(visit: Visit) -> dict[str, Any]:
    alarm = visit.alarm
    return {
        "origin": visit.origin,
        "size": visit.checkpoint.head.tree_size if visit.checkpoint else 0,
        "time": _time(visit.time),
        "size_before": visit.before,
        "new": len(visit.new),
        "entries": [_entry(one) for one in visit.entries],
        "alarm": alarm and {"code": alarm.code, "text": alarm.text, "files": [str(path) for path in alarm.files]},
    }


def _entry(one: Named) -> dict[str, Any]:
    return {
        "index": one.index,
        "type": one.type,
        "commitment": one.commitment,
        "checkpoint": {
            "size": one.checkpoint.size,
            "time": _time(one.checkpoint.time),
            "seen_at": _time(one.checkpoint.seen_at),
        },
    }


def _receipt(one: Receipt) -> dict[str, Any]:
    return {
        "commitment": one.commitment.hex(),
        "type": int(one.type),
        "credential": one.credential,
        "logged_by": one.logged_by.astimezone(UTC).isoformat(),
    }


def moment_of(seen: Seen) -> str:
    """Return when an entry was surely in the log: the quorum's time, or when we saw it."""
    return moment_text(_moment(seen))


def _moment(seen: Seen) -> int:
    return seen.seen_at if seen.time is None else seen.time


def moment_text(seconds: int) -> str:
    """Return POSIX seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else moment_text(seconds)
