"""Signed notes and verifier keys: the published ones, ours, and every way to bend them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding import b64
from crypto.hashes import sha256
from crypto.keys import ED25519, ES256, SGD_SM3_SM2, PrivateKey, generate_key
from ledger.errors import InvalidNoteError, InvalidNoteSignatureError
from ledger.formats.checkpoint import Checkpoint, cosignature_by, message_at, signature_by
from ledger.formats.merkle import TreeHead
from ledger.formats.note import MAX_SIZE, Note, Signature, parse_note, parse_signatures
from ledger.formats.vkey import Kind, VerifierKey, cosigned, kind_of, parse_vkey

VECTORS = Path(__file__).parents[2] / "vectors" / "ledger"
PUBLISHED = json.loads((VECTORS / "published.json").read_text("utf-8"))["notes"]
TEXT = PUBLISHED["text"]
PETER = PUBLISHED["signatures"]["PeterNeumann"]
ENOCH = PUBLISHED["signatures"]["EnochRoot"]
PETER_KEY = parse_vkey(PUBLISHED["keys"]["PeterNeumann"])
ENOCH_KEY = parse_vkey(PUBLISHED["keys"]["EnochRoot"])
CHECKPOINT = Checkpoint("example.org/log", TreeHead(5, bytes(range(32))))

ALL_KINDS = list(Kind)
PRIVATE: dict[str, PrivateKey] = {alg: generate_key(alg) for alg in (ED25519, SGD_SM3_SM2)}


def key_of(kind: Kind, name: str = "example.org/log") -> VerifierKey:
    return VerifierKey(name, kind, PRIVATE[kind.alg].public)


def line_by(key: VerifierKey, *, time: int = 1_782_800_000) -> Signature:
    private = PRIVATE[key.kind.alg]
    if key.kind.timestamped:
        return cosignature_by(key, private.sign(message_at(key, CHECKPOINT, time)), time=time)
    return signature_by(key, private.sign(str(CHECKPOINT).encode()))


def test_the_published_note_verifies() -> None:
    note = parse_note(TEXT + "\n" + PETER + ENOCH)
    assert note.text == TEXT
    assert [seen.key for seen in note.verify([PETER_KEY])] == [PETER_KEY]
    assert [seen.key for seen in note.verify([ENOCH_KEY, PETER_KEY])] == [PETER_KEY, ENOCH_KEY]
    assert note.verify([]) == ()
    assert str(note) == TEXT + "\n" + PETER + ENOCH
    assert parse_note(str(note).encode()) == note


@pytest.mark.parametrize("name", ["PeterNeumann", "EnochRoot"])
def test_a_published_key_comes_back_and_no_other_text_is_one(name: str) -> None:
    text: str = PUBLISHED["keys"][name]
    assert str(parse_vkey(text)) == text
    bent = {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
    cut = {text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1)} - {text}
    for wrong in (*bent, *cut, *PUBLISHED["refused_keys"], text + "\n", " " + text, text + "A"):
        with pytest.raises(InvalidNoteError):
            parse_vkey(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        TEXT,
        TEXT + "\n",
        TEXT + "\n" + PETER[:-1],
        "\x01" + TEXT + "\n" + PETER,
        TEXT + "\n" + "— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZI=\n",
        TEXT + "\n" + PETER + "Unexpected line.\n",
        TEXT + "\n" + PETER + "\n",
        TEXT + "\n" + PETER.replace("—", "-"),
        TEXT + "\n" + PETER.replace(" x08", "  x08"),
        TEXT + "\n" + PETER.replace("\n", "\r\n"),
        TEXT + "\n" + PETER.replace("=", ""),
        TEXT + "\n" + "— PeterNeumann x08gow==\n",
        TEXT + "\n" + "— PeterNeumann\n",
        TEXT + "\n" + "—  x08go/ZJkuBS9UG=\n",
        TEXT + "\n" + "— Peter+Neumann x08go/ZJkuBS9UG/SffcvIAQ\n",
        TEXT + "\n" + PETER * 101,
        TEXT.rstrip("\n") + PETER,
        "\n" + PETER,
        "\n\n" + PETER,
        "",
        "x" * (MAX_SIZE + 1),
        "\ud800" + TEXT + "\n" + PETER,
        b"\xff" + (TEXT + "\n" + PETER).encode(),
    ],
)
def test_what_is_no_note(wrong: str | bytes) -> None:
    with pytest.raises(InvalidNoteError):
        parse_note(wrong)


def test_a_hundred_signatures_are_read() -> None:
    assert len(parse_note(TEXT + "\n" + PETER * 100).signatures) == 100


def test_a_text_may_hold_empty_lines() -> None:
    note = parse_note("one\n\ntwo\n\n" + PETER)
    assert note.text == "one\n\ntwo\n"


def test_a_known_key_s_bad_signature_condemns_the_note_and_an_unknown_one_s_does_not() -> None:
    bad = Signature("PeterNeumann", PETER_KEY.key_id, bytes(64))
    note = parse_note(TEXT + "\n" + ENOCH + str(bad))
    assert note.verify([ENOCH_KEY])
    with pytest.raises(InvalidNoteSignatureError):
        note.verify([ENOCH_KEY, PETER_KEY])


def test_a_second_line_by_one_key_is_ignored() -> None:
    """As the reference implementation has it: the first line counts, whichever that is."""
    bad = str(Signature("PeterNeumann", PETER_KEY.key_id, bytes(64)))
    assert len(parse_note(TEXT + "\n" + PETER + bad).verify([PETER_KEY])) == 1
    with pytest.raises(InvalidNoteSignatureError):
        parse_note(TEXT + "\n" + bad + PETER).verify([PETER_KEY])


def test_a_name_or_an_id_alone_does_not_make_a_key_known() -> None:
    (signature,) = parse_signatures(PETER)
    for other in (signature._replace(name="CarmenSandiego"), signature._replace(key_id=b"xxxx")):
        assert Note(TEXT, (other,)).verify([PETER_KEY]) == ()


def test_signing_appends_and_keeps_the_first_line_of_a_key() -> None:
    peter, enoch = parse_signatures(PETER + ENOCH)
    note = Note(TEXT, (peter,))
    assert note.signed([enoch]).signatures == (peter, enoch)
    assert note.signed([peter._replace(value=bytes(64)), enoch, enoch]).signatures == (peter, enoch)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_each_kind_signs_and_verifies_and_its_key_is_one_line(kind: Kind) -> None:
    key = key_of(kind)
    assert parse_vkey(str(key)) == key
    (seen,) = Note(str(CHECKPOINT), (line_by(key),)).verify([key])
    assert seen == (key, 1_782_800_000 if kind.timestamped else None)


@pytest.mark.parametrize("kind", [Kind.SM2, Kind.SM2_COSIGNATURE])
def test_an_sm2_key_s_id(kind: Kind) -> None:
    """Key id = SHA-256(name ‖ 0x0A ‖ 0xff ‖ identifier ‖ point)[:4]."""
    identifier = {Kind.SM2: b"xinji/sm2/v1", Kind.SM2_COSIGNATURE: b"xinji/sm2-cosignature/v1"}[kind]
    key = key_of(kind, "河南.example/日志")
    material = b"\xff" + identifier + key.key.point
    assert key.key_id == sha256("河南.example/日志".encode() + b"\n" + material)[:4]
    assert str(key) == f"河南.example/日志+{key.key_id.hex()}+{b64(material)}"


@pytest.mark.parametrize("made", ALL_KINDS)
@pytest.mark.parametrize("claimed", ALL_KINDS)
def test_a_signature_of_one_kind_is_none_of_another(made: Kind, claimed: Kind) -> None:
    """Relabel a signature with another kind's key id: the signed bytes differ, so it fails."""
    if made is claimed:
        return
    line = line_by(key_of(made))
    key = key_of(claimed)
    forged = Note(str(CHECKPOINT), (Signature(key.name, key.key_id, line.value),))
    with pytest.raises(InvalidNoteSignatureError):
        forged.verify([key])


@pytest.mark.parametrize("kind", ALL_KINDS)
@given(data=st.data())
def test_one_changed_byte_fails(kind: Kind, data: st.DataObject) -> None:
    key = key_of(kind)
    line = line_by(key)
    at = data.draw(st.integers(0, len(line.value) - 1))
    value = line.value[:at] + bytes([line.value[at] ^ data.draw(st.integers(1, 255))]) + line.value[at + 1 :]
    with pytest.raises(InvalidNoteSignatureError):
        Note(str(CHECKPOINT), (line._replace(value=value),)).verify([key])
    with pytest.raises(InvalidNoteSignatureError):
        Note(str(CHECKPOINT) + "more\n", (line,)).verify([key])


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("value", [b"x", bytes(63), bytes(65), bytes(71), bytes(73)])
def test_a_signature_of_the_wrong_size_fails(kind: Kind, value: bytes) -> None:
    with pytest.raises(InvalidNoteSignatureError):
        key_of(kind).verify(str(CHECKPOINT), value)


@pytest.mark.parametrize("time", [-1, 1 << 63])
def test_a_time_outside_the_format_is_refused(time: int) -> None:
    with pytest.raises(InvalidNoteSignatureError):
        cosigned(Kind.SM2_COSIGNATURE, str(CHECKPOINT), time)
    assert cosigned(Kind.ED25519_COSIGNATURE, "t\n", (1 << 63) - 1) == b"cosignature/v1\ntime 9223372036854775807\nt\n"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\u2028b", "a\nb", "a\x7fb"])
def test_a_key_s_name_fits_a_signature_line(name: str) -> None:
    with pytest.raises(InvalidNoteError):
        key_of(Kind.ED25519, name)


def test_a_key_s_algorithm_fits_its_kind() -> None:
    with pytest.raises(InvalidNoteError):
        VerifierKey("example.org/log", Kind.SM2, PRIVATE[ED25519].public)
    with pytest.raises(InvalidNoteError):
        kind_of(ES256, timestamped=False)


@pytest.mark.parametrize(
    "material",
    [
        b"",
        b"\x01",
        b"\xff",
        b"\x02" + bytes(32),
        b"\x01" + bytes(33),
        b"\x04" + bytes(31),
        Kind.SM2.value + bytes(65),
        Kind.SM2.value + b"\x04" + bytes(64),
        Kind.SM2.value + PRIVATE[SGD_SM3_SM2].public.point[:-1],
        Kind.SM2.value + b"\x02" + PRIVATE[SGD_SM3_SM2].public.point[1:],
        b"\xffxinji/sm2/v2" + PRIVATE[SGD_SM3_SM2].public.point,
    ],
    ids=range(11),  # Keys are new in each process, and every process must call a test the same.
)
def test_bytes_that_are_no_key_of_a_known_kind(material: bytes) -> None:
    key_id = sha256(b"example.org/log\n" + material)[:4].hex()
    with pytest.raises(InvalidNoteError):
        parse_vkey(f"example.org/log+{key_id}+{b64(material)}")


@given(st.text(max_size=80))
def test_text_is_a_note_in_one_form_or_none(text: str) -> None:
    try:
        note = parse_note(text + "\n\n" + PETER)
    except InvalidNoteError:
        return
    assert str(note) == text + "\n\n" + PETER
