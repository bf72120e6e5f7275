"""CSRF tokens on every form: a random value in a cookie, its MAC in the form.

The MAC is a parameter (wired in server/app.py): this folder knows no hash.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from kernel.errors import CsrfError

Mac = Callable[[bytes], bytes]
FIELD = "csrf_token"


class Csrf:
    """Makes and checks the tokens of one installation."""

    def __init__(self, mac: Mac, *, secure: bool) -> None:
        """Use `mac` (keyed) for tokens; `secure` says whether cookies are `__Host-` and Secure."""
        self._mac = mac
        self.secure = secure
        self.cookie = "__Host-xinji_csrf" if secure else "xinji_csrf"

    def token(self, request: Request) -> str:
        """Return the token for this browser; remembers a new cookie value on `request.state`."""
        seed = request.cookies.get(self.cookie) or getattr(request.state, "csrf_seed", None)
        if not seed:
            seed = secrets.token_urlsafe(18)
            request.state.csrf_seed = seed
        return self._of(seed)

    def remember(self, request: Request, response: Response) -> None:
        """Set the cookie on `response` where `token` made a new one."""
        seed = getattr(request.state, "csrf_seed", None)
        if seed:
            response.set_cookie(self.cookie, seed, path="/", httponly=True, samesite="lax", secure=self.secure)

    def check(self, request: Request, token: str | None) -> None:
        """Check a submitted token.

        Raises:
            CsrfError: It is missing or belongs to another browser.
        """
        seed = request.cookies.get(self.cookie, "")
        if not seed or not token or not hmac.compare_digest(self._of(seed).encode(), token.encode()):
            raise CsrfError("the form's token does not fit this browser")

    def _of(self, seed: str) -> str:
        return base64.urlsafe_b64encode(self._mac(b"csrf:v1|" + seed.encode())).rstrip(b"=").decode()


async def _form_guard(request: Request) -> AsyncIterator[None]:
    form = await request.form()
    try:
        token = form.get(FIELD)
        csrf: Csrf = request.app.state.csrf
        csrf.check(request, token if isinstance(token, str) else None)
        yield
    finally:
        await form.close()  # Uploaded files are closed also where the token or the route refuses.


# Put it into `dependencies=[allow(...), CSRF]` of every route that takes a browser's form.
CSRF = Depends(_form_guard)
CsrfGuard = Annotated[None, CSRF]
