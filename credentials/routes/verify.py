"""The check page /v, which does its work on the reader's device, and the form for browsers without JavaScript.

The code in the address (`/v#…`) never gets here: browsers keep fragments to themselves, and the
page's program sends a look-up id only. The form sends the code; nothing here logs or keeps it.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from credentials.routes.bodies import at_most
from credentials.routes.problems import status_of
from credentials.routes.report_view import view_of, words_in
from credentials.routes.services import Services, address_of
from credentials.share_check import check_share
from kernel.access import allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError
from kernel.pages import language_of, pages_of

router = APIRouter(dependencies=[allow("anyone")])
_SMALL: Final = 4 << 10
_LONGEST_CODE: Final = 200
_LONGEST_PIN: Final = 32


@router.get("/v")
async def page(request: Request) -> Response:
    """Show the check page."""
    return _form(request)


@router.get("/v/check")
async def back() -> Response:
    """Begin anew: a report that a form brought has no address, and a code must not stand in one."""
    return RedirectResponse("/v", status_code=303)


@router.post("/v/check", dependencies=[at_most(_SMALL), CSRF])
async def check(request: Request, by: Services) -> Response:
    """Check a share on the server and show the report, which says so."""
    form = await request.form()
    code, pin = _text(form, "code", _LONGEST_CODE), _text(form, "pin", _LONGEST_PIN)
    try:
        report = check_share(by, code, pin=pin or None, address=address_of(request))
    except XinjiError as error:
        return _form(request, code=code, problem=error)
    language = language_of(request)
    values = {"words": words_in(language), "view": view_of(report, language)}
    return pages_of(request).render(request, "credentials/verify_report.html", values)


def _text(form: FormData, name: str, longest: int) -> str:
    value = form.get(name)
    return value.strip()[:longest] if isinstance(value, str) else ""


def _form(request: Request, *, code: str = "", problem: XinjiError | None = None) -> Response:
    pages, language = pages_of(request), language_of(request)
    sentence = None if problem is None else pages.describe(language, problem)
    values = {"words": words_in(language), "code": code, "problem": sentence}
    status = 200 if problem is None else int(status_of(problem))
    return pages.render(request, "credentials/verify.html", values, status_code=status)
