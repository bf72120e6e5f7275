"""The worker that tidies up after dry runs that were cut short: nothing half-done stays.

A dry run goes on inside the request that brought the file. If its process ends in the middle,
a batch is left that nobody sees; it is thrown away here and its rows are purged later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from credentials import batch_store
from credentials.patience import write_patiently
from credentials.ports import CredentialServices

CUT_SHORT: Final = timedelta(minutes=15)


def run_once(by: CredentialServices) -> int:
    """Throw away batches whose staging began long ago and never ended; return how many."""
    before = by.clock.now() - CUT_SHORT
    with by.database.read() as session:
        if not batch_store.abandoned(session, before):
            return 0
    return write_patiently(by.database, lambda session: batch_store.discard_abandoned(session, before))
