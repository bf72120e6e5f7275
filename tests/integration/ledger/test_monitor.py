"""A monitor sees each entry in its issuer's name once, under the signed tree, and notices when the log changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.hashes import sm3
from crypto.keys import ED25519, PrivateKey, generate_key
from kernel.clock import ManualClock
from ledger.errors import InvalidReceiptsError, MirrorSourceError, MonitorStateError
from ledger.formats.checkpoint import Organisation, WitnessPolicy, cosignature_by, message_at, parse_checkpoint
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.formats.note import parse_note
from ledger.formats.receipts import Receipt
from ledger.formats.vkey import VerifierKey, kind_of
from ledger.monitor.keeping import StateFolder
from ledger.monitor.report import as_json, report
from ledger.monitor.visiting import Visit, Watched, visit
from ledger.storage.tiles import TileFolder
from ledger.upkeep import reading
from ledger.upkeep.reading import BATCH
from tests.integration.ledger.published import ORIGIN, Published

CODE, OTHER = "4141010459", "4141010475"
HOUR = timedelta(hours=1)


def entry(number: int, code: str = CODE) -> bytes:
    return Entry(EntryType.CREDENTIAL, code, sm3(number.to_bytes(8, "big"))).encode()


ENTRIES = [entry(at, CODE if at % 7 == 3 else OTHER) for at in range(20_000)]
MINE = [at for at in range(20_000) if at % 7 == 3]


def below(size: int) -> list[int]:
    return [at for at in MINE if at < size]


class Place:
    """A log, and a monitor that watches it from a folder of its own."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.log = Published(folder / "log")
        self.path = folder / "state"
        self.clock = clock
        self.policy = WitnessPolicy(0, ())

    def watched(self) -> Watched:
        kept = StateFolder(self.path, origin=ORIGIN, issuer_code=CODE)
        return Watched(self.log.source(), kept, CODE, ORIGIN, self.log.tiles.hash, self.log.keys, self.policy)

    def visit(self) -> Visit:
        return visit(self.watched(), self.clock.now())

    def grow(self, size: int) -> None:
        self.log.grow(size, ENTRIES)


@pytest.fixture
def place(tmp_path: Path, clock: ManualClock) -> Place:
    return Place(tmp_path, clock)


def indices(visit: Visit) -> list[int]:
    return [one.index for one in visit.entries]


def test_each_entry_is_seen_once_however_the_log_grows(place: Place) -> None:
    before = 0
    for size in (2, 4, 255, 256, 257, 600, 1_000, 18_000, 18_001):
        place.grow(size)
        place.clock.move(HOUR)
        seen = place.visit()
        assert seen.alarm is None
        assert indices(seen) == below(size)
        assert [one.index for one in seen.new] == [at for at in below(size) if at >= before]
        assert all(one.commitment == ENTRIES[one.index][11:].hex() for one in seen.entries)
        assert {one.checkpoint.size for one in seen.new} <= {size}
        again = place.visit()
        assert (again.entries, again.new, again.before) == (seen.entries, (), size)
        before = size
    # The first checkpoint that covered an entry stays the one of its visit.
    assert {one.checkpoint.size for one in seen.entries if 257 <= one.index < 600} == {600}
    asked = [name for name in place.log.asked if name.startswith("tile/entries") and ".p" not in name]
    assert len(asked) == len(set(asked)) + 4, "a full bundle is read once, and where an old tree ended within it"


def test_a_visit_that_is_cut_goes_on(place: Place) -> None:
    place.grow(20_000)
    cuts, place.log.left = 0, 75
    while True:
        try:
            seen = place.visit()
            break
        except MirrorSourceError:
            cuts += 1
            place.log.left = BATCH + 12
    assert cuts
    assert indices(seen) == MINE
    assert seen.new == seen.entries, "a visit that was cut has told nobody of what it found"
    assert place.visit().new == ()
    assert len([name for name in place.log.asked if "entries" in name]) < 20_000 / 256 + (cuts + 1) * 12


def test_what_an_ended_process_left_does_not_count(place: Place) -> None:
    place.grow(1_000)
    first = place.visit()
    for name in ("roots", "entries.jsonl"):
        path = place.path / name
        path.write_bytes(path.read_bytes() + b"half a li")
    place.grow(2_000)
    seen = place.visit()
    assert seen.entries[: len(first.entries)] == first.entries
    assert indices(seen) == below(2_000)
    assert len((place.path / "roots").read_bytes()) == 32 * (2_000 // 256)


def test_a_checkpoint_kept_before_its_entries_were_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended right after the checkpoint was kept: the next visit reads what is missing, under its own tree."""
    monkeypatch.setattr(reading, "BATCH", 1)
    place.grow(700)
    place.log.bend = lambda name, data: data if not name.startswith("tile/entries/00") or ".p" in name else b""
    damaged = place.visit()
    assert damaged.alarm is not None
    assert damaged.alarm.code == "tiles_tampered"
    assert (damaged.entries, damaged.checkpoint and damaged.checkpoint.head.tree_size) == ((), 700)
    place.log.bend = lambda _, data: data
    place.grow(800)
    seen = place.visit()
    assert indices(seen) == below(800)
    assert seen.new == seen.entries
    # The checkpoint of 700 was seen first, though nothing was read under it.
    assert {one.checkpoint.size for one in seen.entries if one.index < 700} == {700}
    assert {one.checkpoint.size for one in seen.entries if one.index >= 700} == {800}
    assert place.visit().new == ()


@pytest.mark.parametrize(
    ("fork_at", "kept", "shown"),
    [(0, 600, 600), (599, 600, 700), (255, 300, 3_000), (256, 300, 2_000), (0, 256, 257), (2_990, 3_000, 3_001)],
)
def test_a_fork_is_an_alarm_with_both_checkpoints(
    place: Place, tmp_path: Path, fork_at: int, kept: int, shown: int
) -> None:
    place.grow(kept)
    before, first = place.visit(), place.log.note
    state = (place.path / "state.json").read_bytes()
    place.log.tiles, place.log.size = TileFolder(tmp_path / "fork"), 0
    place.log.grow(shown, [*ENTRIES[:fork_at], *(entry(at + 10**6) for at in range(fork_at, shown))])
    for _ in range(2):
        seen = place.visit()
        assert seen.alarm is not None
        assert seen.alarm.code == "log_forked"
        assert {path.read_text("utf-8") for path in seen.alarm.files} == {first, place.log.note}
        assert seen.entries == before.entries
        assert (place.path / "state.json").read_bytes() == state
        for path in seen.alarm.files:
            assert len(parse_note(path.read_text("utf-8")).verify(place.log.keys)) == 2


def test_a_log_that_shrank_is_an_alarm(place: Place) -> None:
    place.grow(300)
    short = place.log.note
    place.grow(600)
    place.visit()
    long, place.log.note = place.log.note, short
    seen = place.visit()
    assert seen.alarm is not None
    assert seen.alarm.code == "log_shrunken"
    assert {path.read_text("utf-8") for path in seen.alarm.files} == {short, long}
    place.log.note = long
    assert place.visit().alarm is None


def test_a_closed_log_that_goes_on_is_an_alarm(place: Place) -> None:
    place.grow(300)
    final = place.log.tiles.head(300)
    closed = replace(place.watched(), final=final)
    assert visit(closed, place.clock.now()).alarm is None
    for wrong in (final._replace(tree_size=299), final._replace(root_hash=bytes(32))):
        alarm = visit(replace(closed, final=wrong), place.clock.now()).alarm
        assert alarm is not None
        assert alarm.code == "log_beyond_final"
    assert visit(replace(closed, final=final._replace(tree_size=301)), place.clock.now()).alarm is None
    place.grow(301)
    alarm = visit(closed, place.clock.now()).alarm
    assert alarm is not None
    assert alarm.code == "log_beyond_final"
    assert len(alarm.files) == 2


@pytest.mark.parametrize("name", ["tile/entries/001", "tile/entries/002.p/88", "tile/1/000.p/2"])
def test_a_bent_file_is_an_alarm_and_nothing_of_it_is_kept(place: Place, name: str) -> None:
    place.grow(600)
    place.log.bend = lambda asked, data: bytes([data[0] ^ 1]) + data[1:] if asked == name else data
    seen = place.visit()
    assert seen.alarm is not None
    assert seen.alarm.code == "tiles_tampered"
    assert seen.entries == ()
    place.log.bend = lambda _, data: data
    assert indices(place.visit()) == below(600)


def test_whose_signatures_count(place: Place, tmp_path: Path) -> None:
    place.grow(10)
    watched = place.watched()
    stranger = Published(tmp_path / "other")
    for other in (
        replace(watched, keys=stranger.keys),
        replace(watched, keys=(*watched.keys, stranger.keys[0])),
        replace(watched, origin="log.example/2027"),
        replace(watched, policy=WitnessPolicy(1, (Organisation("A", ()),))),
    ):
        alarm = visit(other, place.clock.now()).alarm
        assert alarm is not None
        assert alarm.code == "note_invalid"
    assert place.visit().alarm is None


def test_the_quorum_and_its_time(place: Place) -> None:
    private: PrivateKey = generate_key(ED25519)
    witness = VerifierKey("w.example/w", kind_of(ED25519, timestamped=True), private.public)
    place.policy = WitnessPolicy(1, (Organisation("A", (witness,)),))
    place.grow(10)
    assert place.visit().alarm is not None
    note = parse_note(place.log.note)
    message = message_at(witness, parse_checkpoint(note.text), 1_782_790_000)
    place.log.note = str(note.signed((cosignature_by(witness, private.sign(message), time=1_782_790_000),)))
    seen = place.visit()
    assert (seen.alarm, seen.time) == (None, 1_782_790_000)
    assert {one.checkpoint.time for one in seen.entries} == {1_782_790_000}


EVIDENCE = {"gm": "a.b.c", "intl": "d.e.f"}


def test_evidence_that_is_missing_or_wrong_is_told_of_until_it_is_there(place: Place) -> None:
    digest = commit(ACCREDITATION, CODE, EVIDENCE)
    place.log.grow(2, [entry(1), Entry(EntryType.ACCREDITATION, CODE, digest).encode()])
    evidence: dict[str, bytes] = {}
    place.log.more = evidence
    name = f"evidence/{digest.hex()}"
    for content in (None, b"{}", b"nonsense", b"[1]", b"[" * 50_000, json.dumps({**EVIDENCE, "gm": "x"}).encode()):
        if content is not None:
            evidence[name] = content
        seen = place.visit()
        assert [one.index for one in seen.unproved] == [1]
        found = report(CODE, [seen], {}, None, now=place.clock.now())
        assert [(one.reason, one.entry.index) for one in found.found] == [("without_evidence", 1)]
        assert not found.is_clean
    evidence[name] = json.dumps(EVIDENCE).encode()
    assert place.visit().unproved == ()
    asked = len(place.log.asked)
    assert place.visit().unproved == ()
    assert place.log.asked[asked:] == ["checkpoint"], "what was proved once is not asked for again"


def receipt(number: int, place: Place, *, by: timedelta = HOUR) -> Receipt:
    now = place.clock.now()
    return Receipt(sm3(number.to_bytes(8, "big")), EntryType.CREDENTIAL, CODE, f"urn:uuid:{number}", now, now + by)


def test_entries_and_receipts_beside_each_other(place: Place) -> None:
    place.grow(30)  # 3, 10, 17 and 24 are ours.
    receipts = [receipt(number, place) for number in (3, 10, 24, 900)] + [receipt(901, place, by=HOUR * 3)]
    place.clock.move(HOUR * 2)
    seen = place.visit()
    made = report(CODE, [seen], {}, receipts, now=place.clock.now())
    assert [(one.reason, one.entry.index) for one in made.found] == [("without_receipt", 17)]
    assert [one.credential for one in made.without_entry] == ["urn:uuid:900"]
    assert [one.credential for one in made.waiting] == ["urn:uuid:901"]
    assert not made.is_clean
    said = as_json(made)
    assert said["ok"] is False
    assert said["found"][0]["commitment"] == sm3((17).to_bytes(8, "big")).hex()
    assert said["receipts"]["count"] == 5
    # All receipts, and time left: nothing to look at. Where a log was not reached, nothing is said to be missing.
    whole = [receipt(number, place) for number in (3, 10, 17, 24, 902)]
    assert report(CODE, [seen], {}, whole, now=place.clock.now()).is_clean
    late = place.clock.now() + 2 * HOUR
    assert not report(CODE, [seen], {}, whole, now=late).is_clean
    assert report(CODE, [seen], {"other.example/log": "down"}, whole, now=late).is_clean


def test_entries_newer_than_the_receipts_are_judged_a_day_later(place: Place) -> None:
    place.grow(5)  # 3 is ours.
    place.visit()
    place.clock.move(HOUR)
    listed = place.clock.now()
    receipts = [replace(receipt(number, place), complete_to=listed) for number in (901,)]
    place.clock.move(HOUR)
    place.grow(12)  # 10 too, an hour after the receipts were written.
    seen = place.visit()

    def judged(*, since: timedelta, by: list[Receipt] = receipts) -> tuple[list[int], int]:
        made = report(CODE, [seen], {}, by, now=listed + since)
        return [one.entry.index for one in made.found], made.newer

    assert judged(since=2 * HOUR) == ([3], 1)
    assert judged(since=26 * HOUR) == ([3, 10], 0)
    assert judged(since=2 * HOUR, by=[replace(receipts[0], complete_to=None)]) == ([3, 10], 0), "no complete list"
    fresh = [replace(receipts[0], complete_to=listed + 2 * HOUR)]
    assert judged(since=2 * HOUR, by=fresh) == ([3, 10], 0)
    near = [replace(receipts[0], complete_to=listed + HOUR)]
    assert judged(since=2 * HOUR, by=near) == ([3], 1), "clocks may differ"


def test_a_receipt_of_somebody_else_is_refused(place: Place) -> None:
    place.grow(5)
    with pytest.raises(InvalidReceiptsError, match=OTHER):
        strange = replace(receipt(1, place), issuer_code=OTHER)
        report(CODE, [place.visit()], {}, [strange], now=place.clock.now())


def test_files_that_are_not_there(place: Place) -> None:
    with pytest.raises(MirrorSourceError, match="checkpoint: the source lacks it"):
        visit(replace(place.watched(), source=Nothing()), place.clock.now())


class Nothing:
    """A source without any file."""

    def read(self, _name: str, _limit: int) -> bytes | None:
        return None


def test_an_entry_that_is_logged_twice_and_one_of_an_unknown_type(place: Place) -> None:
    strange = b"\x09" + entry(5)[1:]
    place.log.grow(4, [entry(1), strange, entry(2, OTHER), entry(1)])
    made = report(CODE, [place.visit()], {}, None, now=place.clock.now())
    assert [(one.reason, one.entry.index) for one in made.found] == [("unknown_type", 1), ("repeated", 3)]


def test_what_accredits_stands_in_each_year_s_log_and_nothing_else_does(place: Place) -> None:
    place.log.grow(3, [entry(1), b"\x03" + entry(2)[1:], b"\x03" + entry(2)[1:]])
    seen = place.visit()
    later = replace(seen, origin="log.example/2027", entries=seen.entries[:2])
    made = report(CODE, [seen, later], {}, None, now=place.clock.now())
    twice = [(one.origin, one.entry.index) for one in made.found if one.reason == "repeated"]
    assert twice == [(seen.origin, 2), ("log.example/2027", 0)]


def test_the_folder_is_of_one_log_one_issuer_and_one_process(place: Place) -> None:
    place.grow(600)
    place.visit()
    watched = place.watched()
    with watched.folder.owned(), pytest.raises(MonitorStateError, match="another monitor"):
        place.visit()
    for origin, code in ((ORIGIN, OTHER), ("log.example/2027", CODE)):
        other = StateFolder(place.path, origin=origin, issuer_code=code)
        with pytest.raises(MonitorStateError, match="watches"):
            visit(replace(watched, folder=other), place.clock.now())


@pytest.mark.parametrize(
    ("name", "content"),
    [("state.json", b"{}"), ("state.json", b"?"), ("roots", b""), ("entries.jsonl", b""), ("entries.jsonl", None)],
)
def test_a_damaged_folder_is_refused(place: Place, name: str, content: bytes | None) -> None:
    place.grow(600)
    place.visit()
    path = place.path / name
    path.write_bytes(b"x" * path.stat().st_size if content is None else content)
    place.grow(700)
    with pytest.raises(MonitorStateError, match="damaged"):
        place.visit()
