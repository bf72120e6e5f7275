"""A browser for the stage: cookies, redirects, forms. Signs a person in and consents before anything is measured."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

REDIRECTS = 10


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, str], dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values, {}))
        elif tag in ("input", "button") and self.forms and "name" in values:
            self.forms[-1][1].setdefault(values["name"], values.get("value", ""))


class Browser:
    """Stops at redirects that leave the provider: `location` is then where a platform would take over."""

    def __init__(self, base: str) -> None:
        """Browse the provider at `base`."""
        self._base = base
        self._http = httpx.Client(base_url=base, headers={"Accept": "text/html"}, timeout=20, trust_env=False)
        self.location = ""
        self.text = ""
        self._at = base

    def get(self, path: str) -> Self:
        """Follow a link."""
        return self._take(self._http.get(path))

    def submit(self, **fields: str) -> Self:
        """Fill in and send the first form that has all these fields."""
        parser = _Forms()
        parser.feed(self.text)
        for values, known in parser.forms:
            if fields.keys() <= known.keys():
                target = urljoin(self._at, values.get("action", ""))
                return self._take(self._http.post(target, data={**known, **fields}))
        raise LookupError(f"no form at {self._at} has {', '.join(fields)}")

    def cookie_header(self, path: str) -> str:
        """Return the cookies that go with `path`."""
        request = self._http.build_request("GET", path)
        return str(request.headers.get("cookie", ""))

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _take(self, response: httpx.Response) -> Self:
        for _ in range(REDIRECTS):
            if not response.is_redirect:
                break
            target = urljoin(str(response.url), response.headers["location"])
            if f"{urlsplit(target).scheme}://{urlsplit(target).netloc}" != self._base:
                self.location, self.text = target, ""
                return self
            response = self._http.get(target)
        self.location, self.text, self._at = "", response.text, str(response.url)
        return self
