"""What the log's routes need, from `request.app.state.ledger`."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from ledger.log import LogServices


@dataclass(frozen=True, slots=True)
class ExplorerServices:
    """The log, and what the chain's engine is honestly called, if there is one.

    Without a label the page takes the one that stands with each anchor.
    """

    log: LogServices
    engine_label: str | None = None


def explorer_of(request: Request) -> ExplorerServices:
    """Return the application's log."""
    services: ExplorerServices = request.app.state.ledger
    return services
