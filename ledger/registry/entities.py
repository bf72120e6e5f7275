"""Entity identifiers: `<base>/schools/<10 digits>`, `<base>/authorities/<6 digits>` and `…/status`.

Pure. An identifier is compared as text, so there is one way to write it: lower-case scheme
and host, no user, query or fragment. `http` is accepted beside `https` because what makes a
statement safe is its signature and never the connection (a named deviation from OpenID
Federation 1.0 §1.2).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from ledger.registry.errors import InvalidEntityError

_FORM = re.compile(
    r"(?P<base>https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*)"
    r"/(?:schools/(?P<school>[0-9]{10})|authorities/(?P<authority>[0-9]{6})(?P<status>/status)?)",
    re.ASCII,
)
_LONGEST = 255


class Kind(StrEnum):
    """What an entity is."""

    SCHOOL = "school"
    AUTHORITY = "authority"
    STATUS = "status"


class Entity(NamedTuple):
    """A well-formed entity identifier and what it says."""

    entity_id: str
    kind: Kind
    code: str
    """10 digits of a school, 6 of an authority or of the authority that runs a status service."""

    @property
    def province(self) -> str:
        """The two digits of the province (GB/T 2260)."""
        return self.code[2:4] if self.kind is Kind.SCHOOL else self.code[:2]

    @property
    def school_type(self) -> str:
        """The two digits of a school's type, first in its code (standards of 学校标识码)."""
        if self.kind is not Kind.SCHOOL:
            raise InvalidEntityError(f"{self.entity_id} is not a school", entity=self.entity_id)
        return self.code[:2]

    @property
    def log_code(self) -> str:
        """The 10 digits that log entries carry: an authority's code is padded with zeros."""
        return self.code.rjust(10, "0")


def parse_entity_id(text: object) -> Entity:
    """Return what the identifier `text` says.

    Raises:
        InvalidEntityError: It has another form.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if found is None or not isinstance(text, str):
        raise InvalidEntityError(f"not an entity identifier: {text!r:.80}", entity=repr(text)[:80])
    if found["school"]:
        return Entity(text, Kind.SCHOOL, found["school"])
    return Entity(text, Kind.STATUS if found["status"] else Kind.AUTHORITY, found["authority"])


def school_id(base: str, code: str) -> str:
    """Return the identifier of the school with the 10-digit `code` under the base URL."""
    return parse_entity_id(f"{base.rstrip('/')}/schools/{code}").entity_id


def authority_id(base: str, code: str) -> str:
    """Return the identifier of the authority with the 6-digit administrative `code`."""
    return parse_entity_id(f"{base.rstrip('/')}/authorities/{code}").entity_id


def status_service_id(base: str, code: str) -> str:
    """Return the identifier of the status service that the authority `code` runs."""
    return parse_entity_id(f"{base.rstrip('/')}/authorities/{code}/status").entity_id
