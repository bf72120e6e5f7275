"""What the grants share: they validate and prepare with reading connections only, then `settle` writes once."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Row

from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.families import Issuing

CLIENT_AUTH = AUTH_METHODS
"""Authlib asks each grant how clients may prove who they are; the platform's registration decides."""


class OurServer(Protocol):
    """What a grant needs of the server that it is registered with."""

    issuer: str
    by: Issuing


class Settling:
    """A grant whose only write is `settle`, after everything was checked."""

    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTH
    server: OurServer
    pair: tokens.TokenPair
    token: dict[str, Any]

    @property
    def by(self) -> Issuing:
        """What issuing needs."""
        return self.server.by

    def save_token(self, token: dict[str, Any]) -> None:
        """Keep the answer until `settle`."""
        self.token = token


def columns(row: Row[Any], target: type[Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the columns of `row` that the dataclass `target` has."""
    names = [name for name in target.__dataclass_fields__ if name not in without]
    return {name: getattr(row, name) for name in names}
