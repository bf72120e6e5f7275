"""Places in the status lists: one list takes the credentials of all schools of a province.

Indices are random and never used twice. A list is left for a new one when three quarters of it
are in use: drawing stays quick, and neighbours stay strangers.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from credentials import status_store, store
from credentials.models import StatusList
from credentials.patience import write_patiently
from credentials.ports import CredentialServices
from credentials.status_list import SIZE, draw
from kernel.ids import new_id

FULL: Final = SIZE // 4 * 3


def ensure_list(by: CredentialServices, province: str) -> StatusList:
    """Return the list of a province that takes new credentials; make it if there is none with room."""
    with by.database.read() as session:
        current = status_store.newest_list(session, province)
    if current is not None and current.allocated < FULL:
        return current
    number = 1 if current is None else current.number + 1
    fresh = StatusList(
        id=new_id(), province=province, number=number, uri=by.addresses.status_list(province, number), allocated=0
    )
    with suppress(IntegrityError):  # Another worker made it at the same moment: theirs is as good.
        write_patiently(by.database, lambda session: status_store.add_list(session, fresh))
        return fresh
    return ensure_list(by, province)


def allocate(by: CredentialServices, province: str, count: int) -> tuple[StatusList, list[int]]:
    """Draw `count` free indices. They are taken only when a credential is stored with them."""
    status_list = ensure_list(by, province)
    with by.database.read() as session:

        def taken(indices: Collection[int]) -> Collection[int]:
            return store.taken_status_indices(session, status_list.id, indices)

        return status_list, draw(count, taken)


def count(session: Session, list_id: UUID, number: int) -> None:
    """Count `number` more indices of a list as taken."""
    status_store.count_allocated(session, list_id, number)
