"""A browser without JavaScript: follows links and redirects inside the server, fills in forms by their id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from fastapi import FastAPI
from starlette.testclient import TestClient

BASE = "http://localhost:8000"


@dataclass
class Form:
    id: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = True
            self.forms.append(Form(values.get("id", ""), values.get("action", ""), values.get("method", "get")))
        elif tag in ("input", "button") and self._open and "name" in values:
            form = self.forms[-1]
            form.names.add(values["name"])
            if tag == "input" and "value" in values:
                form.fields[values["name"]] = values["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


class PlainBrowser:
    """One browser with its cookies; stops at redirects that leave the server."""

    def __init__(self, app: FastAPI, *, base: str = BASE, address: str = "192.0.2.7") -> None:
        self.http = TestClient(app, base_url=base, follow_redirects=False, client=(address, 50_000))
        self.http.headers["accept"] = "text/html"
        self.base = base
        self.page: Any = None

    def get(self, path: str) -> Any:
        return self._follow(self.http.get(path))

    def post(self, path: str, data: Mapping[str, str]) -> Any:
        return self._follow(self.http.post(path, data=dict(data)))

    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.page.text)
        return parser.forms

    def form(self, form_id: str) -> Form:
        return next(form for form in self.forms() if form.id == form_id)

    def submit(self, form_id: str, **fields: str) -> Any:
        form = self.form(form_id)
        unknown = fields.keys() - form.names
        assert not unknown, f"the form {form_id} has no {unknown}"
        return self.post(form.action, {**form.fields, **fields})

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.http.cookies.jar if cookie.name == name), None)

    def _follow(self, response: Any) -> Any:
        for _ in range(10):
            if response.status_code not in (302, 303, 307):
                break
            target = urljoin(f"{self.base}{response.request.url.path}", response.headers["location"])
            if f"{urlsplit(target).scheme}://{urlsplit(target).netloc}" != self.base:
                break
            response = self.http.get(target.removeprefix(self.base))
        else:
            raise AssertionError("too many redirects")
        self.page = response
        return response
