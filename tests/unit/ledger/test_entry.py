"""Log entries and commitments: 43 bytes, one form, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hashes import sm3
from ledger.errors import InvalidEntryError
from ledger.formats.commitment import ACCREDITATION, CREDENTIAL, STATUS_LIST, commit
from ledger.formats.entry import Entry, EntryType

CODE = "4141010459"
codes = st.text("0123456789", min_size=10, max_size=10)
types = st.sampled_from(EntryType)
commitments = st.binary(min_size=32, max_size=32)
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "ledger" / "commitments.json").read_text("utf-8"))


@given(types, codes, commitments)
def test_an_entry_comes_back_from_its_bytes(kind: EntryType, code: str, commitment: bytes) -> None:
    entry = Entry(kind, code, commitment)
    data = entry.encode()
    assert len(data) == 43
    assert Entry.decode(data) == entry
    assert (data[0], data[1:11].decode(), data[11:]) == (kind, code, commitment)


@given(st.binary(max_size=60))
def test_bytes_are_an_entry_in_one_form_or_none(data: bytes) -> None:
    try:
        entry = Entry.decode(data)
    except InvalidEntryError:
        return
    assert entry.encode() == data


@pytest.mark.parametrize("kind", [0, 2, 7, 255])
def test_unknown_types_are_refused(kind: int) -> None:
    with pytest.raises(InvalidEntryError):
        Entry.decode(bytes([kind]) + CODE.encode() + bytes(32))


@pytest.mark.parametrize(
    "code", ["", "414101045", "41410104590", "414101045X", "４１４１０１０４５９", "4141010459\n", "41 1010459"]
)
def test_a_code_is_ten_ascii_digits(code: str) -> None:
    with pytest.raises(InvalidEntryError):
        Entry(EntryType.CREDENTIAL, code, bytes(32))
    with pytest.raises(InvalidEntryError):
        commit(CREDENTIAL, code, {"gm": "a.b.c"})


@pytest.mark.parametrize("code", [b"414101045\xff", "４１４１".encode()[:10]])
def test_a_code_of_other_bytes_is_refused(code: bytes) -> None:
    with pytest.raises(InvalidEntryError):
        Entry.decode(b"\x01" + code + bytes(32))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_commitment_has_32_bytes(size: int) -> None:
    with pytest.raises(InvalidEntryError):
        Entry(EntryType.CREDENTIAL, CODE, bytes(size))


def test_the_commitment_s_bytes() -> None:
    """Written out once by hand, so that a change of the format cannot pass unseen."""
    gm, intl = "e30.e30.AAAA", "e30.e30.BBBB"
    expected = sm3(
        b"xinji/credential/1\x00" + b"4141010459" + b"\x02" + b"\x02gm" + sm3(b"e30.e30.AAAA")
        + b"\x04intl" + sm3(b"e30.e30.BBBB")
    )  # fmt: skip
    assert commit(CREDENTIAL, CODE, {"intl": intl, "gm": gm}) == expected
    assert commit(CREDENTIAL, CODE, {"gm": gm.encode(), "intl": intl}) == expected


@pytest.mark.parametrize("vector", VECTORS["commitments"], ids=lambda vector: vector["name"])
def test_the_vectors_that_verifiers_share(vector: dict[str, Any]) -> None:
    commitment = commit(vector["tag"], vector["issuer_code"], vector["suites"])
    assert commitment.hex() == vector["commitment"]
    entry = Entry(EntryType(vector["type"]), vector["issuer_code"], commitment)
    assert entry.encode().hex() == vector["entry"]


def test_disclosures_do_not_count_and_the_signature_does() -> None:
    bare = commit(CREDENTIAL, CODE, {"gm": "a.b.c"})
    assert commit(CREDENTIAL, CODE, {"gm": "a.b.c~WyJz~"}) == bare
    assert commit(CREDENTIAL, CODE, {"gm": "a.b.C"}) != bare


def test_every_part_counts() -> None:
    base = (CREDENTIAL, CODE, {"gm": "a", "intl": "b"})
    others = [
        (STATUS_LIST, CODE, {"gm": "a", "intl": "b"}),
        (ACCREDITATION, CODE, {"gm": "a", "intl": "b"}),
        (CREDENTIAL, "4141010460", {"gm": "a", "intl": "b"}),
        (CREDENTIAL, CODE, {"gm": "b", "intl": "a"}),
        (CREDENTIAL, CODE, {"gm": "a"}),
        (CREDENTIAL, CODE, {"gm": "a", "intm": "b"}),
        (CREDENTIAL, CODE, {"gm": "a", "intl": "b", "x": "c"}),
    ]
    made = {commit(*claim) for claim in (base, *others)}
    assert len(made) == 1 + len(others)


@pytest.mark.parametrize(
    ("tag", "suites"),
    [
        ("", {"gm": "a"}),
        ("证", {"gm": "a"}),
        ("a\0b", {"gm": "a"}),
        (CREDENTIAL, {}),
        (CREDENTIAL, {"": "a"}),
        (CREDENTIAL, {"国": "a"}),
        (CREDENTIAL, {"g" * 256: "a"}),
        (CREDENTIAL, {f"s{at}": "a" for at in range(256)}),
        (CREDENTIAL, {"gm": ""}),
        (CREDENTIAL, {"gm": "~x~"}),
        (CREDENTIAL, {"gm": "证"}),
    ],
)
def test_what_cannot_be_committed_to(tag: str, suites: dict[str, str]) -> None:
    with pytest.raises(InvalidEntryError):
        commit(tag, CODE, suites)
