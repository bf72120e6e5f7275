"""The keys that platforms registered: in their metadata, or behind their `jwks_uri`, kept for a while.

An unknown key makes us look again, but seldom: a stranger with a made-up `kid` moves nobody to
call a platform over and over. While a platform's address does not answer, its last keys serve
for an hour.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol

from crypto.errors import InvalidSignatureError, InvalidTokenError
from crypto.jose_foreign import verify_foreign_jwt
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.errors import FetchError
from idp.oauth.fetching import refuse_event_loop
from kernel.clock import Clock

FRESH: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(seconds=30)
"""Between two looks at the same address, whatever came of the first."""
LAST_RESORT: Final = timedelta(hours=1)
CACHED: Final = 1_000
NO_KEYS: Final[Mapping[str, Any]] = MappingProxyType({"keys": []})


class Get(Protocol):
    """Who calls outside: a `Fetcher`."""

    def get(self, url: str) -> bytes:
        """Return what lies at `url`.

        Raises:
            FetchError: Nothing that can be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: Mapping[str, Any]
    read_at: datetime | None
    tried_at: datetime


class KeySets:
    """Key sets of platforms. Safe to share between threads."""

    def __init__(self, fetcher: Get, clock: Clock) -> None:
        """Fetch with `fetcher`."""
        self._fetcher = fetcher
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._turns: dict[str, threading.Lock] = {}

    def of(self, client: RegisteredClient, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the platform's JWK Set, an empty one where there is none to be had.

        `fresh` looks again at the platform's address, unless that was done a moment ago.

        Raises:
            OnEventLoopError: It must be fetched: run the work with `fetching.off_loop`.
        """
        metadata = client.metadata
        if metadata.jwks is not None:
            return metadata.jwks
        if metadata.jwks_uri is None:
            return NO_KEYS
        kept = self._usable(metadata.jwks_uri, fresh=fresh)
        return kept if kept is not None else self._fetch(metadata.jwks_uri, fresh=fresh)

    def verify(
        self, client: RegisteredClient, token: str, *, typs: Collection[str | None], algs: Collection[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and payload of a token that the platform signed, looking for a new key once.

        Times and audience are the caller's to check.

        Raises:
            InvalidTokenError: It is malformed, or no key of the platform can be its.
            InvalidSignatureError: The signature fits none of them.
            OnEventLoopError: As in `of`.
        """
        try:
            return verify_foreign_jwt(token, self.of(client), typs=typs, algs=algs)
        except (InvalidTokenError, InvalidSignatureError):
            if client.metadata.jwks is not None or client.metadata.jwks_uri is None:
                raise
        return verify_foreign_jwt(token, self.of(client, fresh=True), typs=typs, algs=algs)

    def _usable(self, uri: str, *, fresh: bool) -> Mapping[str, Any] | None:
        kept, now = self._kept.get(uri), self._clock.now()
        if kept is None:
            return None
        if kept.read_at is not None and now - kept.read_at < FRESH and not fresh:
            return kept.keys
        return _at_last(kept, now) if now - kept.tried_at < PAUSE else None

    def _fetch(self, uri: str, *, fresh: bool) -> Mapping[str, Any]:
        refuse_event_loop()  # Before the lock: another thread may hold it for seconds.
        with self._turns.setdefault(uri, threading.Lock()):
            usable = self._usable(uri, fresh=fresh)
            if usable is not None:
                return usable
            now = self._clock.now()
            try:
                kept = _Kept(_read(self._fetcher.get(uri)), now, now)
            except FetchError:
                old = self._kept.get(uri, _Kept(NO_KEYS, None, now))
                kept = _Kept(old.keys, old.read_at, now)
            if len(self._kept) >= CACHED:
                self._kept.clear()
                self._turns.clear()
            self._kept[uri] = kept
            return _at_last(kept, now)


def _at_last(kept: _Kept, now: datetime) -> Mapping[str, Any]:
    return kept.keys if kept.read_at is not None and now - kept.read_at < LAST_RESORT else NO_KEYS


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchError("the key set is not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("keys"), list):
        raise FetchError("this is no key set")
    return value
