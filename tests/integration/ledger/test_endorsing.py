"""An endorser compares anchors with its own copy of the log, and endorses what is of the same history, by command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ledger.chain import consortium
from ledger.chain.base import APPROVALS, CHECKPOINTS, NO_ROOT, Call
from ledger.chain.deploying import decide
from ledger.chain.rpc import PROFILES
from ledger.formats.checkpoint import Checkpoint
from ledger.formats.merkle import TreeHead
from ledger.formats.note import Note, Signature
from ledger.storage.tiles import TileFolder
from server.commands.ledger import app
from tests.integration.ledger.chain_world import CHAIN_ID
from tests.integration.ledger.test_panel_member import LOG, ONCE, ORIGIN, HonestNode, Organisations
from tests.integration.ledger.world import credential

Endorse = Callable[..., Result]
LIBRARY, ARCHIVE, STRANGER = 5, 6, 7


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain with our contracts, an open log, and two endorsers of whom both must confirm."""
    made = Organisations(tmp_path_factory.mktemp("endorsers"))
    made.begin()
    addresses = [made.ground.accounts[number].address for number in (LIBRARY, ARCHIVE)]
    for member in made.members[:2]:
        contracts = member._desk.contracts(made.deployment)
        decide(member._desk, contracts, Call(CHECKPOINTS, "changeEndorsers", (addresses, 2)))
    made.ground.close()
    return made.folder


@pytest.fixture
def chain(begun: Path, tmp_path: Path) -> Iterator[Organisations]:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    found = Organisations(tmp_path)
    yield found
    found.ground.close()


class Copy:
    """A copy of a log, kept as a mirror keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.size = folder, 0
        self.tiles = TileFolder(folder)

    def grow(self, to: int) -> TreeHead:
        head = self.tiles.extend(self.size, [credential(number).encode() for number in range(self.size, to)])
        self.size = to
        note = Note(str(Checkpoint(ORIGIN, head)), (Signature(ORIGIN, b"key!", bytes(64)),))
        assert self.tiles.write_checkpoint(str(note))
        return head


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


@pytest.fixture
def endorse(chain: Organisations, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> Endorse:
    monkeypatch.setitem(PROFILES, "tests", ONCE)
    monkeypatch.setattr(consortium, "http_provider", lambda _: HonestNode(chain.ground))

    def run(number: int, *more: str, folder: Path | None = None) -> Result:
        options = ["--rpc", "http://127.0.0.1:1", "--chain-id", str(CHAIN_ID), "--profile", "tests"]
        options += ["--key", str(chain.key(number)), "--file", str(chain.file), *more]
        return CliRunner().invoke(app, ["endorse", str(folder or copy.folder), *options])

    return run


def anchor(chain: Organisations, head: TreeHead, before: TreeHead | None = None) -> None:
    """Anchor as the log's operator would, whatever it says."""
    previous = (before.tree_size, before.root_hash) if before else (0, NO_ROOT)
    contracts, account = chain.members[0]._desk.contracts(chain.deployment), chain.ground.accounts[3]
    call = Call(CHECKPOINTS, "anchor", (LOG, *head, *previous))
    signed = contracts.sign(account, call, nonce=contracts.nonce_of(account.address))
    chain.ground.web3.eth.send_raw_transaction(signed.raw)


def test_two_organisations_endorse_what_grows_in_their_copies(
    chain: Organisations, copy: Copy, endorse: Endorse
) -> None:
    first = copy.grow(300)
    anchor(chain, first)
    second = copy.grow(700)
    anchor(chain, second, first)
    copy.grow(900)  # A copy that is ahead of the chain will do.
    done = endorse(LIBRARY)
    assert (done.exit_code, done.output) == (0, f"{ORIGIN} at 700: endorsed; waits for others\n")
    assert endorse(LIBRARY).output == f"{ORIGIN} at 700: endorsed before; waits for others\n"
    assert not chain.ask(CHECKPOINTS, "isConfirmed", LOG, 700)
    assert endorse(ARCHIVE).output == f"{ORIGIN} at 700: endorsed; confirmed\n"
    assert chain.ask(CHECKPOINTS, "isConfirmed", LOG, 700)
    assert endorse(ARCHIVE, "--size", "300").output == f"{ORIGIN} at 300: endorsed; waits for others\n"


@pytest.mark.parametrize("which", ["itself", "before"])
def test_an_anchor_of_another_history_gets_no_endorsement(
    chain: Organisations, copy: Copy, endorse: Endorse, which: str
) -> None:
    first = copy.grow(300)
    second = copy.grow(700)
    wrong = bytes(32 * [7])
    shown = TreeHead(300, wrong) if which == "before" else first
    anchor(chain, shown)
    anchor(chain, second if which == "before" else TreeHead(700, wrong), shown)
    done = endorse(LIBRARY)
    assert done.exit_code == 1
    assert f"the first {300 if which == 'before' else 700} entries have another root" in done.output
    assert not chain.ask(CHECKPOINTS, "hasEndorsed", LOG, 700, chain.ground.accounts[LIBRARY].address)


def test_what_keeps_an_endorser_from_endorsing(chain: Organisations, copy: Copy, endorse: Endorse) -> None:
    head = copy.grow(300)
    assert endorse(LIBRARY).exception.code == "chain_unknown_anchor"  # type: ignore[union-attr]
    anchor(chain, head)
    assert endorse(STRANGER).exception.code == "chain_not_an_endorser"  # type: ignore[union-attr]
    assert endorse(3).exception.code == "chain_not_an_endorser"  # type: ignore[union-attr] # The submitter.
    assert endorse(LIBRARY, "--size", "299").exception.code == "chain_unknown_anchor"  # type: ignore[union-attr]
    small = Copy(copy.folder.with_name("small"))
    small.grow(299)
    assert endorse(LIBRARY, folder=small.folder).exception.code == "copy_behind"  # type: ignore[union-attr]
    damaged = Copy(copy.folder.with_name("damaged"))
    damaged.grow(300)
    tile = damaged.folder / "tile/1/000.p/1"
    tile.chmod(0o600)
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert endorse(LIBRARY, folder=damaged.folder).exception.code == "tiles_tampered"  # type: ignore[union-attr]
    empty = copy.folder.with_name("empty")
    empty.mkdir()
    assert endorse(LIBRARY, folder=empty).exit_code == 2
    assert endorse(LIBRARY, "--tree-hash", "md5").exit_code == 2
    chain.members[0].pause(chain.deployment, (CHECKPOINTS,))
    assert endorse(LIBRARY).exception.code == "chain_transaction_refused"  # type: ignore[union-attr]
    assert chain.ask(APPROVALS, "isMember", chain.ground.accounts[LIBRARY].address) is False
