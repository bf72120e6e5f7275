"""Log receipts: what a school keeps to tell its own entries in the public log from others in its name.

They hold the log's commitment of each credential and no personal field; `xinji monitor` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from credentials import store
from credentials.document import jti_of
from credentials.models import Credential
from credentials.ports import CredentialServices
from ledger.formats.entry import EntryType
from ledger.formats.receipts import PUBLISHING, Receipt

_AT_ONCE: Final = 500


def of_batch(by: CredentialServices, batch_id: UUID) -> Iterator[tuple[int | None, Receipt]]:
    """Yield what a batch issued, each with its row in the batch."""
    return _receipts(by, partial(store.issued_after, batch_id=batch_id))


def of_school(by: CredentialServices, issuer_code: str) -> Iterator[tuple[int | None, Receipt]]:
    """Yield all that a school has issued, corrections too, the oldest first; rows as for batches."""
    return _receipts(by, partial(store.issued_after, issuer_code=issuer_code), complete_to=by.clock.now())


def _receipts(
    by: CredentialServices, issued_after: Callable[..., list[Credential]], *, complete_to: datetime | None = None
) -> Iterator[tuple[int | None, Receipt]]:
    after: UUID | None = None
    while True:
        with by.database.read() as session:
            page = issued_after(session, after, limit=_AT_ONCE)
        for one in page:
            yield one.row, _receipt(by, one, complete_to)
        if len(page) < _AT_ONCE:
            return
        after = page[-1].id


def _receipt(by: CredentialServices, one: Credential, complete_to: datetime | None) -> Receipt:
    """Return the receipt of one credential. The longer window counts: whether the log saw few holders is not kept."""
    window = max(by.log_window, by.log_window_of_few)
    return Receipt(
        commitment=one.commitment,
        type=EntryType.CREDENTIAL,
        issuer_code=one.issuer_code,
        credential=jti_of(one.id),
        issued_at=one.issued_at,
        logged_by=one.issued_at + window + PUBLISHING,
        complete_to=complete_to,
    )
