"""What each call costs: docs/contracts.md says what is measured here."""

from __future__ import annotations

import re
from pathlib import Path

from ledger.chain.base import CHECKPOINTS, NO_ROOT, REGISTRY, STATUS, TreeAlg, log_id_of
from ledger.chain.sending import CREATION_GAS, GAS
from tests.integration.ledger.chain_world import (
    DELAY,
    NEVER,
    SCHOOL,
    SERVICE,
    ChainWorld,
    MemoryGround,
    add_tree,
    digest,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "contracts.md"
LOG = log_id_of("localhost:8000/log")
LIST = digest(77)
BYTES = 20 * 12  # A zero byte of an address or a digest costs 12 less than another; they differ from run to run.


def test_the_document_says_what_calls_cost(ground: MemoryGround) -> None:
    world = ChainWorld(ground)
    do_everything(world)
    measured = {name: gas[-1] for name, gas in world.gas.items()}
    table = "\n".join(f"| `{name}` | {gas:,} |".replace(",", " ") for name, gas in sorted(measured.items()))
    found = re.findall(r"^\| `(\w+(?: \(creation\)|\.\w+))` \| ([\d ]+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    written = {name: int(gas.replace(" ", "")) for name, gas in found}
    assert written.keys() == measured.keys(), f"\n{table}"
    far = [name for name, gas in measured.items() if abs(written[name] - gas) > BYTES]
    assert far == [], f"\n{table}"


def test_what_is_offered_is_well_above_what_it_costs(ground: MemoryGround) -> None:
    world = ChainWorld(ground)
    do_everything(world)
    for name, gas in world.gas.items():
        offered = CREATION_GAS if "creation" in name else GAS.get(name.partition(".")[2], NEVER)
        assert max(gas) * 5 // 4 <= offered, name


def do_everything(world: ChainWorld) -> None:
    """Call each function once it has been called before: the first time costs more than the rest."""
    world.decide(CHECKPOINTS, "openLog", LOG, int(TreeAlg.SM3), world.submitter.address)
    head: tuple[int, bytes] = (0, NO_ROOT)
    for size in (1_000, 2_000, 3_000):
        world.do(world.submitter, CHECKPOINTS, "anchor", LOG, size, digest(size), *head)
        head = (size, digest(size))
    for endorser in world.endorsers:
        world.do(endorser, CHECKPOINTS, "endorse", LOG, 3_000, digest(3_000))
    world.decide(CHECKPOINTS, "openEpoch", LOG, 3_000, world.stranger.address)
    add_tree(world)
    said = world.ask(REGISTRY, "versionOf", SCHOOL, 1)[4]
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), 0, NEVER)
    world.do(world.city, REGISTRY, "compromise", SCHOOL, said, 0, digest(3))
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(4))
    world.do(world.city, REGISTRY, "resume", SCHOOL, digest(5))
    world.do(world.school, REGISTRY, "requestRotation", SCHOOL, digest(6), world.school.address, digest(7), NEVER)
    world.ground.pass_blocks(DELAY)
    world.do(world.school, REGISTRY, "completeRotation", SCHOOL)
    world.do(world.city, REGISTRY, "retire", SCHOOL, digest(7), 0, digest(8))
    world.decide(REGISTRY, "revoke", SCHOOL, digest(9))
    for epoch in (1, 2, 3):
        world.do(world.publisher, STATUS, "publish", SERVICE, LIST, epoch, digest(epoch))
