"""Which refusal of the log has which status."""

from __future__ import annotations

from http import HTTPStatus

from kernel.problems import StatusOf
from ledger import errors
from ledger.chain import errors as chain_errors
from ledger.registry import errors as registry_errors

STATUS_OF: StatusOf = {
    errors.LedgerError: HTTPStatus.BAD_REQUEST,
    errors.ConflictingEntryError: HTTPStatus.CONFLICT,
    errors.TamperedTilesError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LogRolledBackError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OtherLogError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LostRaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WitnessError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.EntryNotFoundError: HTTPStatus.NOT_FOUND,
    registry_errors.RegistryError: HTTPStatus.BAD_REQUEST,
    registry_errors.UnknownStatementError: HTTPStatus.NOT_FOUND,
    registry_errors.StatusConflictError: HTTPStatus.CONFLICT,
    chain_errors.ChainEngineError: HTTPStatus.SERVICE_UNAVAILABLE,
}
