"""A browser without JavaScript, for the demo: follows links and redirects, fills in forms.

It finds forms in the page as a person's browser does, so the demo breaks where a page does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

import httpx

TIMEOUT: Final = httpx.Timeout(30)
VOID: Final = frozenset({"area", "br", "hr", "img", "input", "link", "meta", "source", "wbr"})


class PageError(Exception):
    """A page did not offer what was looked for, or answered with an error."""


@dataclass(slots=True)
class Form:
    """A form of a page: where it goes, its fields with their present values, its buttons."""

    action: str
    method: str
    fields: dict[str, str | list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    name: str = ""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.named: dict[str, list[str]] = {}
        self.data: dict[str, str] = {}
        self.text: list[str] = []
        self._open: Form | None = None
        self._select: str | None = None
        self._hidden = 0
        self._open_tags: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            method = values.get("method", "get").lower()
            self._open = Form(values.get("action", ""), method, name=values.get("id", ""))
            self.forms.append(self._open)
        elif tag == "a" and "href" in values:
            self.links.append((values["href"], values.get("id", "")))
        elif tag in ("script", "style"):
            self._hidden += 1
        elif self._open is not None and name:
            self._field(tag, name, values)
        elif tag == "option" and self._open is not None and self._select:
            self._open.choices[self._select].append(values.get("value", ""))
            if "selected" in values or self._select not in self._open.fields:
                self._open.fields[self._select] = values.get("value", "")
        if values.get("id"):
            self.named.setdefault(values["id"], [])
        self.data |= {key: value for key, value in values.items() if key.startswith("data-")}
        if tag not in VOID:
            self._open_tags.append((tag, values.get("id", "")))

    def _field(self, tag: str, name: str, values: Mapping[str, str]) -> None:
        form = self._open
        if form is None:
            return
        kind = values.get("type", "text")
        if tag == "select":
            self._select = name
            form.choices[name] = []
        elif tag == "input" and kind in ("checkbox", "radio"):
            form.choices.setdefault(name, []).append(values.get("value", "on"))
            if "checked" in values:
                ticked = form.fields.setdefault(name, [])
                if isinstance(ticked, list):
                    ticked.append(values.get("value", "on"))
        elif tag == "button" or kind in ("submit", "file"):
            form.choices.setdefault(name, []).append(values.get("value", ""))
        elif tag in ("input", "textarea"):
            form.fields[name] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._open_tags):
            while self._open_tags.pop()[0] != tag:
                pass
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag in ("script", "style"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if self._hidden or not data.strip():
            return
        self.text.append(data.strip())
        for _, name in self._open_tags:
            if name:
                self.named.setdefault(name, []).append(data.strip())


class Page:
    """What came back: address, text, forms and links."""

    def __init__(self, response: httpx.Response) -> None:
        """Read the forms and links of `response`."""
        self.response = response
        self.url = str(response.url)
        parser = _Forms()
        if "html" in response.headers.get("content-type", ""):
            parser.feed(response.text)
        self.forms = parser.forms
        self.links = [urljoin(self.url, href) for href, _ in parser.links]
        self.data = parser.data
        self._named = parser.named
        self.text = " ".join(parser.text)

    def form(self, *names: str) -> Form:
        """Return the first form that has all of `names` among its fields and buttons.

        Raises:
            PageError: There is none.
        """
        for form in self.forms:
            if all(name in form.fields or name in form.choices for name in names):
                return form
        raise PageError(f"{self.url}: no form with {', '.join(names)} ({self.response.status_code}): {self.text[:300]}")

    def form_named(self, name: str) -> Form:
        """Return the form whose id is `name`.

        Raises:
            PageError: There is none.
        """
        for form in self.forms:
            if form.name == name:
                return form
        raise PageError(f"{self.url}: no form {name} ({self.response.status_code}): {self.text[:300]}")

    def form_to(self, ending: str) -> Form | None:
        """Return the first form whose address ends with `ending`, if there is one."""
        return next((form for form in self.forms if form.action.endswith(ending)), None)

    def has(self, name: str) -> bool:
        """Whether an element of the page has the id `name`."""
        return name in self._named

    def number(self, name: str) -> int:
        """Return the first number inside the element whose id is `name`; 0 where it holds none."""
        found = re.search(r"\d+", re.sub(r"[\s,\u202f\u00a0]", "", "".join(self.texts(name))))
        return int(found[0]) if found else 0

    def texts(self, name: str) -> list[str]:
        """Return the pieces of text inside the element whose id is `name`.

        Raises:
            PageError: There is no such element.
        """
        if name not in self._named:
            raise PageError(f"{self.url}: nothing with the id {name}: {self.text[:300]}")
        return self._named[name]

    def link(self, part: str) -> str:
        """Return the first link whose address contains `part`.

        Raises:
            PageError: There is none.
        """
        for address in self.links:
            if part in address:
                return address
        raise PageError(f"{self.url}: no link with {part}: {self.text[:300]}")


class Browser:
    """One person's browser: cookies, redirects, forms."""

    def __init__(self, base_url: str) -> None:
        """Start at `base_url` with no cookies."""
        self.base_url = base_url
        self._client = httpx.Client(timeout=TIMEOUT, follow_redirects=True, headers={"Accept": "text/html"})

    def get(self, address: str) -> Page:
        """Open a page.

        Raises:
            PageError: It answered with an error.
        """
        return self._page(self._client.get(urljoin(self.base_url, address)))

    def submit(
        self,
        page: Page,
        form: Form,
        values: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Page:
        """Send `form` of `page` with `values` over its own.

        Raises:
            PageError: The answer is an error.
        """
        address = urljoin(page.url, form.action) if form.action else page.url
        data: dict[str, str | list[str]] = {**form.fields, **(values or {})}
        if form.method == "get":
            return self._page(self._client.get(address, params=data))
        return self._page(self._client.post(address, data=data, files=files))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, response: httpx.Response) -> Page:
        page = Page(response)
        if response.is_error:
            raise PageError(f"{page.url} answered {response.status_code}: {page.text[:400]}")
        return page
