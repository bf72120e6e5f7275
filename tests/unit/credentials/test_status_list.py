"""The token status list: the draft's examples, every index, bombs and cuts."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import status_list
from credentials.errors import InvalidStatusListError
from credentials.status_list import Status
from crypto.encoding import b64u, from_b64u

entries = st.dictionaries(st.integers(0, 1023), st.integers(0, 3), max_size=200)


def test_the_draft_example_with_two_bits() -> None:
    # draft-ietf-oauth-status-list §4.1: 12 Referenced Tokens, statuses 1 2 0 3 0 1 0 1 1 2 3 3.
    statuses = dict(enumerate((1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3)))
    packed = status_list.pack(statuses, size=12)
    assert packed == bytes((0xC9, 0x44, 0xF9))
    assert status_list.decompress("eNo76fITAAPfAgc") == packed
    assert status_list.compress(packed) == "eNo76fITAAPfAgc"


def test_the_draft_example_with_one_bit() -> None:
    # The same section: 16 statuses in two bytes.
    packed = status_list.decompress("eNrbuRgAAhcBXQ")
    assert packed == bytes((0xB9, 0xA3))
    read = [status_list.status_at(packed, index, bits=1) for index in range(16)]
    assert read == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


@given(entries)
def test_every_status_is_read_where_it_was_written(statuses: dict[int, int]) -> None:
    packed = status_list.decompress(status_list.compress(status_list.pack(statuses, size=1024)))
    assert len(packed) == 256
    for index in range(1024):
        assert status_list.status_at(packed, index) == statuses.get(index, 0)


def test_a_whole_list_is_small_and_quick() -> None:
    packed = status_list.pack({0: Status.REVOKED, status_list.SIZE - 1: Status.SUPERSEDED})
    assert len(packed) == 262_144
    assert (status_list.status_at(packed, 0), status_list.status_at(packed, status_list.SIZE - 1)) == (1, 3)
    lst = status_list.compress(packed)
    assert len(lst) < 500
    assert status_list.decompress(lst) == packed


@pytest.mark.parametrize(("index", "status"), [(-1, 1), (12, 1), (0, 4), (0, -1)])
def test_nothing_is_written_outside_the_list(index: int, status: int) -> None:
    with pytest.raises(InvalidStatusListError):
        status_list.pack({index: status}, size=12)


@pytest.mark.parametrize(("index", "bits"), [(-1, 2), (12, 2), (0, 3), (0, 0), (0, 16)])
def test_nothing_is_read_outside_the_list(index: int, bits: int) -> None:
    with pytest.raises(InvalidStatusListError):
        status_list.status_at(bytes(3), index, bits=bits)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = b64u(zlib.compress(bytes(64 << 20), 9))
    with pytest.raises(InvalidStatusListError):
        status_list.decompress(bomb)


@pytest.mark.parametrize("lst", ["", "A", "é", "!!!!", b64u(b"no zlib"), b64u(zlib.compress(b"abc")[:-2])])
def test_a_malformed_list_is_refused(lst: str) -> None:
    with pytest.raises(InvalidStatusListError):
        status_list.decompress(lst)


def test_bytes_behind_the_stream_are_refused() -> None:
    with pytest.raises(InvalidStatusListError):
        status_list.decompress(b64u(from_b64u("eNo76fITAAPfAgc") + b"more"))


def test_the_payload_of_a_token() -> None:
    payload = status_list.payload("lst", uri="u", issuer="i", issued_at=10, lifetime=20, ttl=5)
    assert payload == {"sub": "u", "iss": "i", "iat": 10, "exp": 30, "ttl": 5, "status_list": {"bits": 2, "lst": "lst"}}


@given(st.integers(0, 40), st.sets(st.integers(0, 99), max_size=50))
def test_drawn_indices_are_free_and_different(count: int, used: set[int]) -> None:
    def taken(indices: Collection[int]) -> Collection[int]:
        return used & set(indices)

    drawn = status_list.draw(count, taken, size=100)
    assert len(drawn) == len(set(drawn)) == count
    assert not used & set(drawn)


def test_drawn_indices_do_not_follow_each_other() -> None:
    drawn = status_list.draw(200, lambda _: ())
    assert drawn != sorted(drawn)
    assert max(drawn) > status_list.SIZE // 2 > min(drawn)
