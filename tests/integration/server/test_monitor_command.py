"""`xinji monitor` on a machine of its own: what it says of a log over HTTP, and with which status it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer import BadParameter
from typer.testing import CliRunner, Result

from credentials.sheet import write_csv
from credentials.verification.trust import Log, Trust
from crypto.hashes import sm3
from crypto.jose import SUITE_ALG
from kernel.clock import ManualClock, SystemClock
from kernel.db import Database
from ledger.formats.checkpoint import WitnessPolicy
from ledger.formats.entry import Entry, EntryType
from ledger.formats.receipts import COLUMNS, PUBLISHING, Receipt
from server.commands.monitor import SHOWN, _logs, app
from server.settings import Installation, Witness
from server.shards import trusted_logs
from server.trust import publish_trust
from tests.integration.ledger.world import CODE, World, credential, make_world

OTHER = "4141010475"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@dataclass
class School:
    """A school's machine, and the log that it watches over HTTP."""

    world: World
    url: str
    path: Path

    def publish(self, *entries: Entry) -> None:
        with self.world.log.database.write() as session:
            self.world.writer.submit_many(session, entries)
        self.world.cycle()

    def run(self, *more: str, log: str = "") -> Result:
        options = ["--issuer", CODE, "--log", log or self.url, "--state", str(self.path / "state"), *more]
        return CliRunner().invoke(app, options)

    @property
    def trust(self) -> tuple[str, str]:
        return "--trust", str(self.path / "trust.json")

    def receipts(self, *entries: Entry, name: str = "receipts.csv", late: bool = False) -> tuple[str, str]:
        issued = SystemClock().now() - (timedelta(days=2) if late else timedelta(0))
        rows = (
            Receipt(e.commitment, e.type, e.issuer_code, "urn:uuid:1", issued, issued + PUBLISHING) for e in entries
        )
        (self.path / name).write_text("".join(write_csv(COLUMNS, (row.cells() for row in rows))), "utf-8")
        return "--receipts", str(self.path / name)


@pytest.fixture
def school(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[School]:
    world = make_world(sqlite_database, tmp_path, clock)
    cosigners = [wire.cosigner for wire in world.wires]
    witnesses = [Witness(organisation="A", url="http://w", vkeys=[str(key) for key in one.keys]) for one in cosigners]
    installation = Installation(base_url="http://localhost:8000", witnesses=witnesses, quorum=1)
    for alg in SUITE_ALG.values():
        world.log.signer.generate("federation", installation.root_id, alg)
    logs = trusted_logs(world.log)
    now = SystemClock().now()
    publish_trust(tmp_path / "trust.json", installation, world.log.signer, logs=logs, chains=[], now=now)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "log")))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield School(world, f"http://127.0.0.1:{server.server_port}", tmp_path)
    server.shutdown()
    server.server_close()
    world.close()


def test_what_a_school_is_told(school: School) -> None:
    mine = [credential(number) for number in range(3)]
    school.publish(*mine, credential(9, OTHER))
    first = school.run(*school.trust)
    assert first.exit_code == 0
    assert "4 条，上次看到 0 条；以本方名义 3 条，新增 3 条" in first.output
    assert all(one.commitment.hex() in first.output for one in mine)
    assert credential(9, OTHER).commitment.hex() not in first.output
    assert "2026-06-30T04:00:00Z 证书 credential" in first.output
    assert "检查点由足够的见证单位签于 2026-06-30T04:00:00Z" in first.output
    assert "没有发现问题。 Nothing to worry about." in first.output

    # The trust file was kept; nothing is new; with all receipts there is nothing to look at.
    again = school.run(*school.receipts(*mine))
    assert (again.exit_code, "新增 0 条" in again.output) == (0, True)
    assert mine[0].commitment.hex() not in again.output
    assert mine[0].commitment.hex() in school.run("--all").output

    # Somebody else logs in the school's name, and something that was promised is missing.
    school.publish(credential(7))
    odd = school.run(*school.receipts(*mine, credential(11), late=True), *school.receipts(credential(12), name="b.csv"))
    assert odd.exit_code == 1
    assert "请查看 LOOK AT without_receipt" in odd.output
    assert credential(7).commitment.hex() in odd.output
    assert "请查看 LOOK AT without_entry" in odd.output
    assert credential(11).commitment.hex() in odd.output
    assert credential(12).commitment.hex() not in odd.output
    assert "Nothing to worry about" not in odd.output

    said = json.loads(school.run("--json", "--receipts", str(school.path / "receipts.csv")).output)
    assert (said["format"], said["ok"], said["issuer"]) == ("xinji/monitor-report/1", False, CODE)
    assert [one["commitment"] for one in said["found"]] == [credential(7).commitment.hex()]
    assert len(said["logs"][0]["entries"]) == 4


def test_a_long_list_is_cut_short(school: School) -> None:
    school.publish(*(credential(number) for number in range(SHOWN + 2)))
    output = school.run(*school.trust).output
    assert output.count("证书 credential") == SHOWN
    assert "2 more: --all lists them" in output


def test_a_forked_log_is_an_alarm_with_evidence(school: School, tmp_path: Path) -> None:
    school.publish(credential(1))
    school.run(*school.trust)
    checkpoint = tmp_path / "log" / "checkpoint"
    text = checkpoint.read_text("utf-8")
    checkpoint.write_text(text.replace("localhost:8000/log\n1\n", "localhost:8000/log\n2\n", 1), "utf-8")
    odd = school.run()
    assert odd.exit_code == 1
    assert "警报 ALARM note_signature_invalid" in odd.output
    (kept,) = {path for path in (tmp_path / "state").rglob("*.checkpoint") if path.read_text("utf-8") != text}
    assert str(kept) in odd.output


def test_what_cannot_be_done(school: School, tmp_path: Path) -> None:
    school.publish(credential(1))
    down = school.run(*school.trust, log="http://127.0.0.1:9")
    assert (down.exit_code, "没有连上日志" in down.output) == (2, True)
    assert "Nothing to worry about" not in down.output
    assert json.loads(school.run("--json", log="http://127.0.0.1:9").output)["ok"] is False

    def refused(*options: str, says: str) -> None:
        done = CliRunner().invoke(app, list(options))
        assert done.exit_code == 2, done.output
        assert " ".join(says.split()) in " ".join(done.output.replace("│", " ").split())

    elsewhere = ("--state", str(tmp_path / "other"), "--log", school.url)
    refused("--issuer", "12", says="10 digits")
    refused("--issuer", CODE, *elsewhere, says="The first visit needs a trust file")
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    refused("--issuer", CODE, *elsewhere, "--trust", str(tmp_path / "bad.json"), says="Not a trust file")
    strange = school.receipts(credential(1, OTHER), name="strange.csv")
    refused("--issuer", CODE, *elsewhere, *school.trust, *strange, says=f"of {OTHER}")
    (tmp_path / "bad.csv").write_text("commitment\nx\n", "utf-8")
    refused("--issuer", CODE, *elsewhere, *school.trust, "--receipts", str(tmp_path / "bad.csv"), says="lack the col")


def test_several_logs_are_visited_each_at_its_origin() -> None:
    logs = {name: Log(name, sm3, ()) for name in ("henan.example/2026", "localhost:8000/log", "[::1]:1/log")}
    trust = Trust(1, SystemClock().now(), (), logs, WitnessPolicy(0, ()))
    assert [url for _, url in _logs(trust, None)] == [
        "https://henan.example/2026",
        "http://localhost:8000/log",
        "http://[::1]:1/log",
    ]
    ((log, url),) = _logs(trust, "https://henan.example/2026/")
    assert (log.origin, url) == ("henan.example/2026", "https://henan.example/2026/")
    with pytest.raises(BadParameter, match="several logs"):
        _logs(trust, "https://mirror.example/henan")
    one = replace(trust, logs={"henan.example/2026": log})
    assert _logs(one, "https://mirror.example/henan") == [(log, "https://mirror.example/henan")]


def test_an_older_trust_file_does_not_replace_a_newer_one(school: School, tmp_path: Path) -> None:
    school.publish(credential(1))
    old = (tmp_path / "trust.json").read_bytes()
    logs = trusted_logs(school.world.log)
    newer = Installation(base_url="http://localhost:8000")
    now = SystemClock().now()
    publish_trust(tmp_path / "trust.json", newer, school.world.log.signer, logs=logs, chains=[], now=now)
    assert school.run(*school.trust).exit_code == 0
    (tmp_path / "trust.json").write_bytes(old)
    refused = school.run(*school.trust)
    assert refused.exit_code == 2
    assert "Older than the one" in refused.output


def test_a_status_list_needs_no_receipt_but_its_evidence(school: School) -> None:
    entry = Entry(EntryType.STATUS_LIST, CODE, bytes(32))
    with school.world.log.database.write() as session:
        school.world.writer.submit(session, entry, evidence={"gm": "a.b.c"})
    school.world.cycle()
    odd = school.run(*school.trust, *school.receipts())
    assert odd.exit_code == 1
    assert "LOOK AT without_evidence" in odd.output
    assert "without_receipt" not in odd.output
