"""Bounded requests to places that the verifier named: its own chain node, a log's files. Follows no redirect."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from xinji_client.errors import UnreachableError

TIMEOUT_SECONDS = 10.0
MAX_ANSWER = 1 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def fetch(url: str, body: bytes | None = None, *, limit: int = MAX_ANSWER, timeout: float = TIMEOUT_SECONDS) -> bytes:
    """Return what stands at `url`, at most `limit` bytes; with a `body`, what it answers to that as JSON.

    Raises:
        UnreachableError: No answer in time, another status than 200, an answer that is too long, or no web address.
    """
    if not url.startswith(("http://", "https://")):
        raise UnreachableError("an address begins with http:// or https://")
    try:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})  # noqa: S310 - the scheme was checked.
        with _OPENER.open(request, timeout=timeout) as answer:
            data: bytes = answer.read(limit + 1)
            status = answer.status
    except (urllib.error.URLError, OSError, ValueError, UnicodeError) as error:
        raise UnreachableError(f"no answer: {error}") from error
    except Exception as error:  # http.client has errors of its own for what is no HTTP at all.
        raise UnreachableError(f"no answer: {type(error).__name__}") from error
    if status != HTTPStatus.OK or len(data) > limit:
        raise UnreachableError("another status than 200, or too long an answer")
    return data
