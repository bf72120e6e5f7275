"""The worker that publishes status lists: on the rhythm, even if nothing changed, never per change.

Both suites are signed from one snapshot. The tokens and the log entry of their digest are
stored together; the files are written from what is stored, so that a crash between the two is
mended by the next turn.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from credentials import status_store, store
from credentials.issuer_keys import STATUS_KEYS
from credentials.models import StatusList, StatusSnapshot
from credentials.patience import write_patiently
from credentials.ports import CredentialServices
from credentials.status_list import TYP, compress, pack, payload
from crypto.jose import SUITE_ALG, SUITES
from crypto.signing import sign_jwts
from kernel.ids import new_id
from ledger.formats.commitment import STATUS_LIST, commit
from ledger.formats.entry import Entry, EntryType

SUFFIX: Final = {"gm": ".gm", "intl": ""}
_TTL_SHARE: Final = 2


def run_once(by: CredentialServices) -> int:
    """Publish every list that is due; return how many.

    Raises:
        SignerUnavailableError: The signer does not answer; the next turn tries again.
    """
    now = by.clock.now()
    with by.database.read() as session:
        due = status_store.lists_due(session, now - by.status_interval)
        stored = status_store.all_lists(session)
    _mend(by.status_folder, stored)
    for status_list in due:
        _publish(by, status_list)
    return len(due)


def _publish(by: CredentialServices, status_list: StatusList) -> None:
    now = by.clock.now()
    with by.database.read() as session:
        marked = store.marked_indices(session, status_list.id)
    issuer = by.addresses.status_service
    claims = payload(
        compress(pack(marked)),
        uri=status_list.uri,
        issuer=issuer,
        issued_at=int(now.timestamp()),
        lifetime=int(by.status_lifetime.total_seconds()),
        ttl=max(1, int(by.status_interval.total_seconds()) // _TTL_SHARE),
    )
    tokens = {
        suite: sign_jwts(by.signer, STATUS_KEYS, issuer, SUITE_ALG[suite], [claims], typ=TYP)[0] for suite in SUITES
    }
    snapshot = StatusSnapshot(
        id=new_id(),
        list_id=status_list.id,
        issued_at=now,
        expires_at=now + by.status_lifetime,
        marked=len(marked),
        commitment=commit(STATUS_LIST, by.addresses.log_code, tokens),
    )
    entry = Entry(EntryType.STATUS_LIST, by.addresses.log_code, snapshot.commitment)

    def _store(session: Session) -> None:
        status_store.set_published(session, status_list.id, tokens=tokens, snapshot=snapshot)
        by.log.submit(session, entry, evidence=tokens)

    write_patiently(by.database, _store)
    _write_files(by.status_folder, status_list, tokens)


def path_of(folder: Path, province: str, number: int, suite: str) -> Path:
    """Return where the token of a list lies; the names are digits, checked by the caller's types."""
    return folder / province / f"{number}{SUFFIX[suite]}"


def _mend(folder: Path, lists: list[StatusList]) -> None:
    """Write again what a crash left unwritten, or what somebody deleted."""
    for status_list in lists:
        tokens = {"gm": status_list.gm, "intl": status_list.intl}
        stored = {suite: token for suite, token in tokens.items() if token is not None}
        files = {suite: path_of(folder, status_list.province, status_list.number, suite) for suite in stored}
        if any(not files[suite].exists() or files[suite].read_text("ascii") != stored[suite] for suite in stored):
            _write_files(folder, status_list, stored)


def _write_files(folder: Path, status_list: StatusList, tokens: Mapping[str, str]) -> None:
    for suite, token in tokens.items():
        path = path_of(folder, status_list.province, status_list.number, suite)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        with draft.open("w", encoding="ascii") as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
