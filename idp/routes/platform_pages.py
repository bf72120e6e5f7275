"""What the console and the review of platforms share: forms as typed, mistakes in words beside their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from idp.oauth.scopes import CLAIMS, OPENID
from idp.people import is_staff
from idp.platforms.errors import FormRefusedError
from idp.platforms.fields import Typed
from idp.routes.problems import status_of
from kernel.access import Actor
from kernel.errors import SignInRequiredError, XinjiError
from kernel.pages import language_of, pages_of

SCOPES = {scope: claims for scope, claims in CLAIMS.items() if scope != OPENID}


def developer(actor: Actor) -> Actor:
    """Return who is signed in; staff need two factors also where anybody may be a developer.

    Raises:
        SignInRequiredError: Staff with one factor only.
    """
    if is_staff(actor.roles) and not actor.two_factors:
        raise SignInRequiredError("staff need two factors", step_up=True)
    return actor


async def typed_in(request: Request) -> Typed:
    """Return every value of every field of the form."""
    form = await request.form()
    typed: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            typed.setdefault(name, []).append(value)
    return typed


def show_form(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    typed: Typed,
    error: XinjiError | None = None,
) -> Response:
    """Render a page with a form filled in as it was typed; mistakes stand beside their fields."""
    pages, language = pages_of(request), language_of(request)
    problems: dict[str, dict[str, str]] = {}
    if isinstance(error, FormRefusedError):
        problems = {
            name: {"code": problem.code, "text": pages.describe(language, problem)}
            for name, problem in error.problems.items()
        }
    refusal = None if error is None else {"code": error.code, "text": pages.describe(language, error)}
    context = {"refusal": refusal, "problems": problems, "typed": Typing(typed), "scopes": SCOPES, **values}
    status = 200 if error is None else status_of(error)
    return pages.render(request, f"idp/{template}", context, status_code=status)


class Typing:
    """What was typed, for templates: a field's text, and whether a choice was taken."""

    def __init__(self, typed: Typed) -> None:
        """Wrap the values."""
        self._typed = typed

    def text(self, name: str, otherwise: str = "") -> str:
        """Return a field's value."""
        values = self._typed.get(name)
        return values[-1] if values else otherwise

    def has(self, name: str, value: str) -> bool:
        """Whether `value` is among the field's."""
        return value in self._typed.get(name, ())


def see(path: str) -> Response:
    """Redirect to a page of ours after a form."""
    return RedirectResponse(path, status_code=303)
