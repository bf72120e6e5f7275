"""Merkle proofs, signed notes and checkpoints."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.making import keys as made
from tests.vectors.making.tree import Tree
from xinji_client.entry import code_in, commitment, entry
from xinji_client.errors import FormatError, ProofError, SignatureError
from xinji_client.hashes import sha256, sm3
from xinji_client.merkle import verify_inclusion
from xinji_client.note import COSIGNATURE_ED25519, COSIGNATURE_SM2, LOG_ED25519, LOG_SM2, checkpoint, vkey

sizes = st.integers(1, 40)


@cache
def tree(size: int) -> Tree:
    made_tree = Tree("sm3")
    made_tree.entries = [b"entry %d" % index for index in range(size)]
    return made_tree


def prove(size: int, index: int) -> list[bytes]:
    return tree(size).path(index)


def fits(size: int, index: int, path: list[bytes], *, claimed: int | None = None, entry_of: int | None = None) -> bool:
    leaf = tree(size).entries[index if entry_of is None else entry_of]
    try:
        verify_inclusion(
            sm3, leaf, index=index if claimed is None else claimed, path=path, size=size, root=tree(size).root()
        )
    except ProofError:
        return False
    return True


@given(size=sizes, data=st.data())
def test_a_proof_fits_its_own_leaf_and_place_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = prove(size, index)
    assert fits(size, index, path)
    other = data.draw(st.integers(-1, size + 1).filter(lambda i: i != index))
    assert not fits(size, index, path, claimed=other)
    assert not fits(size, index, [*path, sm3(b"extra")])
    assert not fits(size, index, path[:-1] if path else [sm3(b"")])
    if path:
        assert not fits(size, index, [sm3(path[0]), *path[1:]])
    if size > 1:
        assert not fits(size, index, path, entry_of=(index + 1) % size)


def test_every_claim_about_small_trees() -> None:
    """All sizes up to 9, all places, all proofs of all places: only the true ones hold."""
    for size in range(1, 10):
        for index in range(size):
            for proven in range(size):
                for claimed in range(-1, size + 2):
                    truth = index == proven == claimed
                    assert fits(size, index, prove(size, proven), claimed=claimed) == truth


def test_a_node_is_no_leaf() -> None:
    left, right = (sm3(b"\x00" + tree(2).entries[i]) for i in (0, 1))
    with pytest.raises(ProofError):
        verify_inclusion(sm3, left + right, index=0, path=[], size=1, root=tree(2).root())


def test_commitments_and_entries() -> None:
    one = commitment(b"xinji/credential/1", "4141010459", {"gm": "a.b.c", "intl": "d.e.f"})
    expected = sm3(b"xinji/credential/1\x004141010459\x02\x02gm" + sm3(b"a.b.c") + b"\x04intl" + sm3(b"d.e.f"))
    assert one == expected
    assert one == commitment(b"xinji/credential/1", "4141010459", {"intl": "d.e.f", "gm": "a.b.c"})
    encoded = entry(1, "4141010459", one)
    assert code_in(encoded) == "4141010459"
    for wrong in (
        encoded[:-1],
        encoded + b"\0",
        b"",
        b"\x01" + b"41410x0459" + one,
        b"\x01" + "４".encode() * 3 + b"4" + one,
    ):
        assert code_in(wrong) is None


NAME = "log.example/1"
BODY = f"{NAME}\n7\n{made.b64(sha256(b'root'))}\n"
LINES = {kind: made.note_line(BODY, NAME, kind, "a log") for kind in (LOG_SM2, LOG_ED25519)}
NOTE = BODY + "\n" + "".join(LINES.values())


@pytest.mark.parametrize("kind", [LOG_SM2, LOG_ED25519])
def test_a_logs_line(kind: bytes) -> None:
    read, key = checkpoint(NOTE), vkey(made.vkey(NAME, kind, "a log"))
    assert (read.origin, read.size, read.root) == (NAME, 7, sha256(b"root"))
    assert key.is_log
    read.verify_log(key)
    with pytest.raises(SignatureError):
        read.verify_log(vkey(made.vkey(NAME, kind, "another log")))
    with pytest.raises(SignatureError):
        read.verify_log(vkey(made.vkey("other.example", kind, "a log")))
    with pytest.raises(SignatureError):
        checkpoint(NOTE.replace("\n7\n", "\n8\n")).verify_log(key)


def test_the_first_line_of_a_key_counts() -> None:
    key = vkey(made.vkey(NAME, LOG_ED25519, "a log"))
    other = made.note_line("other text\n", NAME, LOG_ED25519, "a log")
    checkpoint(NOTE + other).verify_log(key)
    with pytest.raises(SignatureError):
        checkpoint(BODY + "\n" + other + LINES[LOG_ED25519]).verify_log(key)


@pytest.mark.parametrize("kind", [COSIGNATURE_SM2, COSIGNATURE_ED25519])
def test_a_witnesses_line(kind: bytes) -> None:
    key = vkey(made.vkey("w.example", kind, "w"))
    assert not key.is_log
    assert checkpoint(NOTE).cosigned_at(key) is None
    assert not checkpoint(NOTE).has_line_by(key)
    read = checkpoint(NOTE + made.note_line(BODY, "w.example", kind, "w", time=1_782_799_380))
    assert read.has_line_by(key)
    assert read.cosigned_at(key) == 1_782_799_380
    for line in (
        made.note_line(BODY + "more\n", "w.example", kind, "w", time=5),
        f"\u2014 w.example {made.b64(key.key_id + b'short')}\n",
        made.note_line(BODY, "w.example", kind, "w", time=2**60),
    ):
        with pytest.raises(SignatureError):
            checkpoint(NOTE + line).cosigned_at(key)


def test_extension_lines_are_signed_and_not_read() -> None:
    body = BODY + "extension 1\n"
    read = checkpoint(body + "\n" + made.note_line(body, NAME, LOG_ED25519, "a log"))
    read.verify_log(vkey(made.vkey(NAME, LOG_ED25519, "a log")))


@pytest.mark.parametrize(
    "note",
    [
        None,
        b"",
        "",
        BODY,
        BODY + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("\u2014 ", "- "),
        NOTE.replace(f"\u2014 {NAME} ", "\u2014  "),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n-7\n"),
        NOTE.replace("\n7\n", "\n７\n"),
        NOTE.replace("\n7\n", "\n1234567890123456\n"),
        NOTE.replace("\n7\n", "\n\n7\n"),
        NOTE.replace(made.b64(sha256(b"root")), "AA=="),
        NOTE.replace(made.b64(sha256(b"root")), "AA"),
        "\n" + NOTE,
        NOTE.replace("\n\n", "\n\nmore\n\n"),
        "a\n7\n\n" + LINES[LOG_SM2],
        BODY + "\n" + f"\u2014 {NAME} {made.b64(b'four')}\n",
        BODY + "\n" + "\u2014 a+b AAAAAAAA\n",
        BODY + "\n" + LINES[LOG_SM2] * 101,
        "a" * 65_537,
        NOTE.replace("log.example", "log\texample"),
    ],
)
def test_notes_that_are_refused(note: Any) -> None:
    with pytest.raises(FormatError):
        checkpoint(note)


GOOD = made.vkey(NAME, LOG_SM2, "a log")
UNKNOWN_KIND = b"\x02" + made.ed25519_public("a log")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        NAME,
        GOOD.replace(NAME, ""),
        GOOD.replace(NAME, "log example"),
        GOOD.replace("+", " "),
        GOOD.replace(GOOD.split("+")[1], "00000000"),
        GOOD.replace(GOOD.split("+")[1], GOOD.split("+")[1].upper() + "0"),
        GOOD[:-4],
        f"{NAME}+{made.key_id(NAME, LOG_ED25519, 'a log').hex()}+{made.b64(UNKNOWN_KIND)}",
        f"a+00000000+{made.b64(LOG_SM2 + bytes(65))}",
    ],
)
def test_vkeys_that_are_refused(text: Any) -> None:
    with pytest.raises(FormatError):
        vkey(text)


def test_an_sm2_vkey_off_the_curve_is_refused() -> None:
    material = LOG_SM2 + b"\x04" + bytes(64)
    key_id = sha256(NAME.encode() + b"\n" + material)[:4].hex()
    with pytest.raises(FormatError, match="curve"):
        vkey(f"{NAME}+{key_id}+{made.b64(material)}")
