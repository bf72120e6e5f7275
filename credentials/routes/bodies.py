"""Bodies are bounded before anything reads them."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, Request
from fastapi.params import Depends as DependsParam

from kernel.errors import TooLargeError

_OVERHEAD: Final = 64 << 10


class AtMost:
    """A dependency that refuses a request whose body is, or may be, larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        """Accept bodies up to `limit` bytes and what a form adds around them."""
        self.limit = limit

    async def __call__(self, request: Request) -> None:
        """Check the declared length; a body without one is refused: browsers always declare it.

        Raises:
            TooLargeError: It is too large, or nobody says how large it is.
        """
        declared = request.headers.get("content-length", "")
        if not declared.isdigit() or int(declared) > self.limit + _OVERHEAD:
            raise TooLargeError("the body is too large", limit=max(1, self.limit >> 20))


def at_most(limit: int) -> DependsParam:
    """Declare how large a route's body may be; stands before the CSRF guard, which reads the form."""
    dependency: DependsParam = Depends(AtMost(limit))
    return dependency
