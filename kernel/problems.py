"""Errors at the edge: one mapping from classes to statuses, one renderer by audience.

Each folder's `routes/problems.py` holds its `STATUS_OF`; server/app.py merges them.
JSON callers get RFC 9457 problem documents, people a page in their language. OAuth
endpoints render their own errors (RFC 6749 §5.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from kernel import errors
from kernel.ids import new_token
from kernel.pages import language_of, pages_of

StatusOf = Mapping[type[errors.XinjiError], HTTPStatus]

STATUS_OF: StatusOf = {
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.NotAllowedError: HTTPStatus.FORBIDDEN,
    errors.SignInRequiredError: HTTPStatus.UNAUTHORIZED,
    errors.CsrfError: HTTPStatus.FORBIDDEN,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}

log = structlog.get_logger()


def responses(status_of: StatusOf, *classes: type[errors.XinjiError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that may raise `classes`."""
    described: dict[int | str, dict[str, Any]] = {}
    for cls in classes:
        status = int({**STATUS_OF, **status_of}[cls])
        entry = described.setdefault(status, {"description": "", "content": {"application/problem+json": {}}})
        entry["description"] = ", ".join(filter(None, (entry["description"], cls.code)))
    return described


def wants_page(request: Request) -> bool:
    """Whether the caller is a browser that shows pages rather than a program."""
    return "text/html" in request.headers.get("accept", "")


def problem(status: int, code: str, detail: str, /, **params: object) -> JSONResponse:
    """Return an RFC 9457 problem document of type `urn:xinji:problem:<code>`."""
    content = {
        "type": f"urn:xinji:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        **({"params": params} if params else {}),
    }
    return JSONResponse(content, status_code=status, media_type="application/problem+json")


def install(app: FastAPI, status_of: StatusOf) -> None:
    """Answer every error of `app`: known ones by `status_of`, unknown ones without detail."""
    table: dict[type[errors.XinjiError], HTTPStatus] = {**STATUS_OF, **status_of}

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.XinjiError)  # noqa: S101 - registered for this class alone
        if isinstance(error, errors.SignInRequiredError) and wants_page(request):
            return _to_sign_in(request, error)
        status = next((table[cls] for cls in type(error).__mro__ if cls in table), HTTPStatus.BAD_REQUEST)
        return answer(request, status, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = HTTPStatus(error.status_code).name.lower()
        response = _answer(request, error.status_code, code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        fields = ", ".join(".".join(str(part) for part in item["loc"][1:]) or "body" for item in error.errors())
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, InvalidInputError(f"check: {fields}", fields=fields))

    async def unstorable(request: Request, error: Exception) -> Response:
        # PostgreSQL's text holds no NUL: what came with one is the caller's mistake, and nothing was stored.
        log.warning("unstorable_value", path=request.url.path, kind=type(error).__name__)
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, InvalidInputError("check: signs", fields="NUL"))

    async def unknown(request: Request, error: Exception) -> Response:
        request_id = new_token(9)
        log.error("unexpected_error", request_id=request_id, path=request.url.path, exc_info=error)
        return _answer(request, 500, "internal_server_error", f"request {request_id}", request_id=request_id)

    app.add_exception_handler(errors.XinjiError, known)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(DataError, unstorable)
    app.add_exception_handler(Exception, unknown)


class InvalidInputError(errors.XinjiError):
    """A field is missing or has the wrong form; `fields` names them."""

    code = "invalid_input"


def answer(request: Request, status: int, error: errors.XinjiError) -> Response:
    """Render `error` for its reader: a page or a problem document."""
    if wants_page(request):
        detail = pages_of(request).describe(language_of(request), error)
        return _page(request, status, error.code, detail)
    response = problem(status, error.code, str(error), **error.params)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def _answer(request: Request, status: int, code: str, detail: str, **params: object) -> Response:
    if not wants_page(request):
        return problem(status, code, detail, **params)
    pages = pages_of(request)
    language = language_of(request)
    key = f"error.{code}"
    text = pages.translate(language, key)
    return _page(request, status, code, "" if text == key else text, **params)


def _page(request: Request, status: int, code: str, detail: str, **params: object) -> Response:
    values = {"status": int(status), "code": code, "detail": detail, "request_id": None, **params}
    return pages_of(request).render(request, "error.html", values, status_code=status)


def _to_sign_in(request: Request, error: errors.SignInRequiredError) -> Response:
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET":
        back = "/"
    place = "/signin/step-up" if error.step_up else "/signin"
    return RedirectResponse(f"{place}?next={quote(back, safe='')}", status_code=303)
