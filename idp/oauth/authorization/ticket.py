"""A ticket that a request carries through sign-in, so that asking for it ends. Pure; nothing is stored.

`prompt=login` and `max_age` are met by a sign-in *after* the ticket was made, whatever the
address bar was edited to; `prompt=select_account` by the choice it notes. It is an HMAC over
the whole request, so it helps no other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from crypto.hashes import equal
from idp.keyed import Keyed
from idp.oauth.authorization.request import Pairs

PARAMETER: Final = "xinji_ticket"
LIFE: Final = timedelta(hours=1)
_OWN: Final = frozenset({PARAMETER, "lang"})
_FIELDS: Final = 3
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """When the request first asked, and in which session the account was chosen, if it was."""

    asked_at: datetime
    chosen_in: str


def request_pairs(pairs: Pairs) -> list[tuple[str, str]]:
    """Return the platform's own parameters, without ours."""
    return [(name, value) for name, value in pairs if name not in _OWN]


def new_ticket(keyed: Keyed, pairs: Pairs, *, now: datetime, chosen_in: UUID | None = None) -> str:
    """Return a ticket for this request."""
    micros = str(round(now.timestamp() * _MICROSECONDS))
    chosen = "" if chosen_in is None else str(chosen_in)
    return f"{micros}.{chosen}.{_mac(keyed, pairs, micros, chosen)}"


def read_ticket(keyed: Keyed, pairs: Pairs, *, now: datetime) -> Ticket | None:
    """Return the request's ticket, or None where it has none, or a forged, foreign or old one."""
    text = dict(pairs).get(PARAMETER, "")
    fields = text.split(".")
    if len(fields) != _FIELDS or not text.isascii():
        return None
    micros, chosen, mac = fields
    if not equal(_mac(keyed, pairs, micros, chosen).encode(), mac.encode()):
        return None
    asked_at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(micros))
    return Ticket(asked_at, chosen) if now - asked_at < LIFE else None


def _mac(keyed: Keyed, pairs: Pairs, micros: str, chosen: str) -> str:
    request = "&".join(f"{len(name)}:{name}={len(value)}:{value}" for name, value in request_pairs(pairs))
    return keyed.token("ticket", f"{micros}|{chosen}|{request}")
