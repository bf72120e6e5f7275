"""`xinji log status` and `xinji log policy`: what the log waits for, and whom it asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crypto.keys import ED25519, generate_key
from kernel.clock import ManualClock
from kernel.db import Base
from ledger.formats.policy_text import parse_policy
from ledger.formats.vkey import VerifierKey, kind_of
from server import tables
from server.commands.log import app
from server.log_state import PATIENCE, log_state
from server.parts import Parts, build_parts
from server.settings import Installation, Settings, SettingsError, Witness, load_installation, save_installation
from tests.integration.ledger.world import World, make_world


@pytest.fixture
def listing() -> Iterator[ThreadingHTTPServer]:
    """Serve what `listed` says at the root, as a witness lists its keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = server.listed.encode()  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def installed(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Parts, World]]:
    """An installation whose log is made by a world over its database; A answers at no address, B at the server's."""
    assert tables.MODULES
    monkeypatch.setenv("XINJI_DATA_DIR", str(tmp_path / "data"))
    settings = Settings()
    save_installation(settings, Installation(base_url="http://localhost:8000"))
    database = build_parts(settings, clock=clock).database
    Base.metadata.create_all(database.engine)
    world = make_world(database, tmp_path, clock, organisations="AB", quorum=2)
    witnesses = [
        Witness(organisation=wire.organisation, url="http://127.0.0.1:9", vkeys=[str(k) for k in wire.cosigner.keys])
        for wire in world.wires
    ]
    save_installation(settings, Installation(base_url="http://localhost:8000", witnesses=witnesses, quorum=2))
    yield build_parts(settings, clock=clock), world
    world.close()
    database.dispose()


def test_what_the_log_waits_for(
    installed: tuple[Parts, World], listing: ThreadingHTTPServer, clock: ManualClock
) -> None:
    parts, world = installed
    keys = parts.installation.witnesses[1].vkeys
    listing.listed = "\n".join(keys)  # type: ignore[attr-defined]
    parts.installation.witnesses[1].url = f"http://127.0.0.1:{listing.server_port}/w"
    world.submit(range(3))
    world.cycle()
    state = log_state(parts)
    assert state.waiting is None
    assert (state.overview.tree_size, [one.found for one in state.witnesses][1]) == (3, "answers")
    assert "does not answer" in state.witnesses[0].found
    assert state.as_json()["cosigned"].keys() == {"A", "B"}

    world.wires[1].cut = True
    world.submit([7])
    world.cycle()
    assert log_state(parts).waiting is None, "a turn takes a moment"
    clock.move(PATIENCE + timedelta(seconds=1))
    state = log_state(parts)
    assert state.waiting is not None
    assert (state.waiting.tree_size, state.waiting.missing) == (4, ("B",))
    assert state.as_json()["waiting"]["missing"] == ["B"]
    assert "Waiting for witnesses: B" in "\n".join(state.lines())
    listing.listed = str(VerifierKey("w/1", kind_of(ED25519, timestamped=True), generate_key(ED25519).public))  # type: ignore[attr-defined]
    assert log_state(parts).witnesses[1].found == "other keys"
    listing.listed = "a witness of others"  # type: ignore[attr-defined]
    assert log_state(parts).witnesses[1].found == "answers"


def test_the_command_ends_with_1_while_it_waits(installed: tuple[Parts, World]) -> None:
    _, world = installed
    world.submit([1])
    world.cycle()
    fine = CliRunner().invoke(app, ["status"])
    assert fine.exit_code == 0
    assert "日志 localhost:8000/log：已发布 1 条" in fine.output
    world.wires[0].cut = True
    world.submit([2])
    world.cycle()  # The world's clock stands months ago.
    waiting = CliRunner().invoke(app, ["status", "--json"])
    assert waiting.exit_code == 1
    assert json.loads(waiting.output)["waiting"]["missing"] == ["A"]


def test_the_policy_is_printed_and_replaced(installed: tuple[Parts, World], tmp_path: Path) -> None:
    parts, _ = installed
    printed = CliRunner().invoke(app, ["policy"])
    assert printed.exit_code == 0
    text = parse_policy(printed.output.encode())
    assert (text.quorum, [name for name, _ in text.organisations]) == (2, ["A", "B"])
    assert text.policy.organisations == parts.log.policy.organisations

    file = tmp_path / "policy"
    file.write_text(printed.output.replace("group quorum 2", "group quorum 1"), "utf-8")
    assert CliRunner().invoke(app, ["policy", "--set", str(file)]).exit_code == 0
    changed = load_installation(Settings())
    assert changed.quorum == 1
    assert [(one.organisation, one.url) for one in changed.witnesses] == [
        ("A", "http://127.0.0.1:9"),
        ("B", "http://127.0.0.1:9"),
    ]
    assert [one.vkeys for one in changed.witnesses] == [one.vkeys for one in parts.installation.witnesses]
    assert build_parts(Settings()).log.policy.quorum == 1

    stranger = VerifierKey("other/log", kind_of(ED25519, timestamped=False), generate_key(ED25519).public)
    for bad, says in (
        (printed.output.replace(" http://127.0.0.1:9", ""), "no address"),
        (f"log {stranger}\nquorum none\n", "other logs"),
    ):
        file.write_text(bad, "utf-8")
        refused = CliRunner().invoke(app, ["policy", "--set", str(file)])
        assert isinstance(refused.exception, SettingsError)
        assert says in str(refused.exception)
    assert load_installation(Settings()).quorum == 1
