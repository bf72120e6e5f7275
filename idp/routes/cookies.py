"""Cookies of the identity provider: `__Host-` with `Secure` together over https, neither in http development."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.responses import Response

from idp.routes.services import idp_of

SESSION: Final = "xinji_session"
PENDING: Final = "xinji_pending"
DEVICE: Final = "xinji_device"
DEVICE_AGE: Final = 400 * 24 * 3600  # As long as browsers keep a cookie (RFC 6265bis).


def read(request: Request, name: str) -> str | None:
    """Return a cookie's value."""
    return request.cookies.get(_name(request, name))


def write(request: Request, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    """Set a cookie; without `max_age` it goes with the browser's window."""
    secure = idp_of(request).secure
    response.set_cookie(
        _name(request, name), value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax"
    )


def drop(request: Request, response: Response, name: str) -> None:
    """Remove a cookie."""
    secure = idp_of(request).secure
    response.delete_cookie(_name(request, name), path="/", secure=secure, httponly=True, samesite="lax")


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if idp_of(request).secure else name
