"""Bodies are bounded for every route, in bytes and in time, as they arrive.

A route may refuse earlier and in better words, by the announced length. Here counts what
comes: chunks without a length, forms that are read before anybody is checked, and senders
that let a byte drop now and then. Knows no route but the two that take files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL: Final = 256 * 1024
"""Bytes that any route takes: forms, OAuth requests, questions."""
PATIENCE: Final = 30.0
SLOWEST: Final = 16 * 1024
"""Seconds that any body may take, and the bytes that buy one second more."""


class BoundedBodies:
    """Wraps an application; `uploads` names the paths that take more than `SMALL` bytes, and how many."""

    def __init__(self, app: ASGIApp, *, uploads: Mapping[str, int], patience: float = PATIENCE) -> None:
        """Wrap `app`."""
        self._app = app
        self._uploads = dict(uploads)
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; whoever reads its body gets an HTTPException where it is too much or too slow."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._uploads.get(scope["path"], SMALL)
        now = asyncio.get_running_loop().time
        began = now()
        taken, ended = 0, False

        async def bounded() -> Message:
            nonlocal taken, ended
            if ended:  # What follows is only the end of the connection.
                return await receive()
            try:
                async with asyncio.timeout_at(began + self._patience + taken / SLOWEST):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, "the body comes too slowly") from error
            taken += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if taken > limit:
                raise HTTPException(413, "the body is too large")
            return message

        await self._app(scope, bounded, send)
