"""Sessions in memory: what stands between a browser and this platform. A restart forgets them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT: Final = 1_000


class MemorySessions:
    """Gives each browser a dict (`request.session`), found by a random cookie; the oldest go first."""

    def __init__(self, app: ASGIApp, *, cookie: str, secure: bool) -> None:
        """Name the cookie after the platform: cookies do not tell ports apart."""
        self.app = app
        self.cookie = f"__Host-{cookie}" if secure else cookie
        self.flags = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its session; a session that was emptied gets a new name."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = HTTPConnection(scope).cookies.get(self.cookie, "")
        session = scope["session"] = dict(self._kept.get(name, {}))

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = self._keep(name, session)
                if kept != name:
                    MutableHeaders(scope=message).append("set-cookie", f"{self.cookie}={kept}; {self.flags}")
            await send(message)

        await self.app(scope, receive, send_with_cookie)

    def _keep(self, name: str, session: dict[str, Any]) -> str:
        before = self._kept.pop(name, None)
        if not session:
            return "" if before is not None else name
        # Signing in changes who the browser is, so it gets a new name: a planted cookie is worth nothing.
        same_person = before is not None and before.get("sub") == session.get("sub")
        name = name if same_person else secrets.token_urlsafe()
        self._kept[name] = session
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return name
