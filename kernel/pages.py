"""Pages: templates, languages and the headers every page carries.

Chinese is the source language: a template says `_("登录")`, and `<folder>/locales/en.po`
holds the English. Errors are translated by their code (`error.<code>`, in both files).
Catalogues are read from the .po files at start: nothing is compiled.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.messages.pofile import read_po
from fastapi import Request
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from kernel.access import actor_or_none
from kernel.csrf import FIELD, Csrf
from kernel.errors import XinjiError

LANGUAGES: Final = ("zh", "en")
LANGUAGE_COOKIE: Final = "xinji_lang"
ZONE: Final = ZoneInfo("Asia/Shanghai")
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; frame-src {frame_src}; media-src 'self' blob:; manifest-src 'self'; "
    "form-action {form_action}; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Pages:
    """Renders the templates of all folders in the reader's language."""

    def __init__(self, folders: Sequence[Path], csrf: Csrf) -> None:
        """Read `<folder>/templates` and `<folder>/locales` of each of `folders`."""
        loaders = [FileSystemLoader(folder / "templates") for folder in folders]
        self.environment = Environment(loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined)
        self.environment.globals.update(_=_translate, csrf_field=_csrf_field, switch_language=_switch_language)
        self.environment.filters.update(grouped=grouped, day=_day, moment=_moment)
        self.catalogues = {language: _catalogue(folders, language) for language in LANGUAGES}
        self.csrf = csrf

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status_code: int = 200,
        form_action: Sequence[str] = (),
        frame_src: Sequence[str] = (),
    ) -> HTMLResponse:
        """Render `template`; `form_action` names further origins its forms lead to, `frame_src` those in frames."""
        language = language_of(request)
        text = self.environment.get_template(template).render(
            {
                **(values or {}),
                "request": request,
                "language": language,
                "actor": actor_or_none(request),
                "xinji_pages": self,
            }
        )
        response = HTMLResponse(text, status_code=status_code)
        response.headers["Content-Security-Policy"] = CSP.format(
            form_action=" ".join(("'self'", *form_action)), frame_src=" ".join(frame_src) or "'none'"
        )
        response.headers["Content-Language"] = "zh-CN" if language == "zh" else "en"
        response.headers["Cache-Control"] = "no-store"
        self.csrf.remember(request, response)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, path="/", samesite="lax")
        return response

    def translate(self, language: str, message: str) -> str:
        """Return `message` in `language`; Chinese messages are their own translation."""
        return self.catalogues[language].get(message, message)

    def describe(self, language: str, error: XinjiError) -> str:
        """Return the sentence for `error`, with its params filled in; its own text where none is known."""
        key = f"error.{error.code}"
        template = self.catalogues[language].get(key)
        if template is None:
            return str(error)
        return template % error.params if error.params else template


def pages_of(request: Request) -> Pages:
    """Return the application's pages."""
    pages: Pages = request.app.state.pages
    return pages


def language_of(request: Request) -> str:
    """Return the reader's language: the switch (`?lang=`), the cookie, what a route heard of them, then Chinese."""
    hint = getattr(request.state, "language", None)
    for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE), hint):
        if wish in LANGUAGES:
            return str(wish)
    return "zh"


def speak(request: Request, language: str | None) -> None:
    """Note a language that the one who sent the reader here wishes; the reader's own choice goes before it."""
    request.state.language = language


def grouped(code: str) -> str:
    """Group a number in fours with hyphens: `P7K3-W0QR-4XT1-M1`."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def data_uri(media_type: str, content: bytes) -> str:
    """Return `content` as a data: address, for small pictures such as a QR."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _catalogue(folders: Sequence[Path], language: str) -> dict[str, str]:
    messages: dict[str, str] = {}
    for folder in folders:
        path = folder / "locales" / f"{language}.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and message.string:
                    messages[str(message.id)] = str(message.string)
    return messages


@pass_context
def _translate(context: Context, message: str, **params: object) -> str:
    pages: Pages = context["xinji_pages"]
    text = pages.translate(context["language"], message)
    return text % params if params else text


@pass_context
def _csrf_field(context: Context) -> Markup:
    pages: Pages = context["xinji_pages"]
    token = escape(pages.csrf.token(context["request"]))
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


@pass_context
def _switch_language(context: Context) -> str:
    request: Request = context["request"]
    other = "en" if context["language"] == "zh" else "zh"
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    # `//host` and `/\host`, also where they came encoded, would lead to a foreign host.
    path = "/" + quote(request.url.path.lstrip("/"), safe="/%")
    return f"{path}?{urlencode([*query, ('lang', other)])}"


@pass_context
def _day(context: Context, value: date | str | None) -> str:
    if value is None:
        return ""
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(day, datetime):
        day = day.astimezone(ZONE).date()
    if context["language"] == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {day:%B %Y}"


@pass_context
def _moment(context: Context, value: datetime | None) -> str:
    if value is None:
        return ""
    return f"{_day(context, value)} {value.astimezone(ZONE):%H:%M}"


Renderer = Callable[..., HTMLResponse]
