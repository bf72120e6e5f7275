"""Which schools have few holders: the log gathers their credentials for longer."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from credentials import store


def few_holders(limit: int) -> Callable[[Session, Collection[str]], set[str]]:
    """Return a function that gives those of some schools that have fewer than `limit` holders.

    It remembers schools that have as many: they are not counted again.
    """
    many: set[str] = set()

    def few(session: Session, codes: Collection[str]) -> set[str]:
        for code in set(codes) - many:
            if store.holders(session, code, limit) >= limit:
                many.add(code)
        return set(codes) - many

    return few
