"""What one process remembers: once each, for a while, and never without bound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from idp.oauth.tokens.remembered import Remembered

NOW = datetime(2026, 6, 30, tzinfo=UTC)
END = NOW + timedelta(minutes=2)


def test_a_key_counts_once_until_its_end() -> None:
    seen = Remembered()
    assert seen.first(b"a", END, now=NOW)
    assert not seen.first(b"a", END, now=NOW)
    assert not seen.first(b"a", END, now=END - timedelta(seconds=1))
    assert seen.first(b"a", END + timedelta(minutes=2), now=END)
    assert seen.first(b"b", END, now=NOW)


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    seen = Remembered(size=3)
    for key in (b"a", b"b", b"c", b"d"):
        assert seen.first(key, END, now=NOW)
    assert len(seen) == 3
    assert not seen.first(b"d", END, now=NOW)
    assert seen.first(b"a", END, now=NOW)
