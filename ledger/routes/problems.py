"""Which refusal of the log has which status."""

from __future__ import annotations

from http import HTTPStatus

from kernel.problems import StatusOf
from ledger import errors

STATUS_OF: StatusOf = {
    errors.LedgerError: HTTPStatus.BAD_REQUEST,
    errors.ConflictingEntryError: HTTPStatus.CONFLICT,
    errors.TamperedTilesError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LogRolledBackError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OtherLogError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LostRaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WitnessError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.EntryNotFoundError: HTTPStatus.NOT_FOUND,
}
