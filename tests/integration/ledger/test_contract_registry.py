"""IssuerRegistry.sol and StatusAnchor.sol: a tree that only parents grow, intervals that only get shorter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from eth_account.signers.local import LocalAccount

from ledger.chain.artifact import ARTIFACTS
from ledger.chain.base import APPROVALS, REGISTRY, STATUS
from tests.integration.ledger.chain_world import (
    CITY,
    COUNTY,
    DELAY,
    NEVER,
    PROVINCE,
    SCHOOL,
    SERVICE,
    ChainWorld,
    MemoryGround,
    add_province,
    add_tree,
    digest,
    issuer,
)

ROOT = b"0000000000"
LIST = digest(77)


@pytest.fixture(scope="module")
def grown(ground: MemoryGround) -> ChainWorld:
    """The contracts with a tree: province, city, county, school, and the province's status service."""
    world = ChainWorld(ground)
    add_tree(world)
    return world


@pytest.fixture
def world(ground: MemoryGround, grown: ChainWorld) -> Iterator[ChainWorld]:
    """Begin each test with the tree as it was grown."""
    snapshot = ground.tester.take_snapshot()
    yield grown
    ground.tester.revert_to_snapshot(snapshot)


def trusted(world: ChainWorld, code: bytes, at: int | None = None) -> bool:
    return bool(world.ask(REGISTRY, "isTrustedAt", code, world.now() if at is None else at))


def status(world: ChainWorld, code: bytes) -> int:
    return int(world.ask(REGISTRY, "issuerOf", code)[3])


def later(world: ChainWorld, ground: MemoryGround, seconds: int = 1_000) -> int:
    """Let time pass; return the time before."""
    before = world.now()
    ground.set_time(before + seconds)
    ground.pass_blocks(1)
    return before


def accreditation(world: ChainWorld, code: bytes) -> bytes:
    return bytes(world.ask(REGISTRY, "versionOf", code, world.ask(REGISTRY, "issuerOf", code)[4])[4])


# The tree


def test_trust_walks_up_to_the_root(world: ChainWorld) -> None:
    for code in (ROOT, PROVINCE, CITY, COUNTY, SCHOOL, SERVICE):
        assert trusted(world, code)
    assert world.ask(REGISTRY, "issuerOf", SCHOOL) == (
        COUNTY,
        bytes(10),
        5,
        1,
        1,
        0,
        world.school.address,
        0,
    )
    assert not trusted(world, b"3141010460")
    assert not trusted(world, SCHOOL, 0)


@pytest.mark.parametrize("who", ["stranger", "school", "city", "registrar", "publisher", "submitter"])
def test_nobody_but_the_parent_s_controller_adds_a_child(world: ChainWorld, who: str) -> None:
    somebody: LocalAccount = getattr(world, who)
    other = b"3141010460"
    parents = {"city": (CITY, COUNTY), "registrar": (PROVINCE,)}.get(who, ())
    for parent in (PROVINCE, CITY, COUNTY):
        if parent in parents:
            continue
        refusal = world.refusal(somebody, REGISTRY, "addIssuer", issuer(other, parent, somebody, level=5))
        assert refusal == "NotTheParent"
    new = issuer(b"0000420000", ROOT, somebody, level=2)
    assert world.refusal(somebody, REGISTRY, "addIssuer", new) == "NotTheParent"
    assert world.ask(REGISTRY, "controllerOf", other) == "0x" + "00" * 20


def test_a_province_is_added_by_the_panel(contracts: ChainWorld) -> None:
    new = issuer(PROVINCE, ROOT, contracts.registrar)
    for member in contracts.members:
        assert contracts.refusal(member, REGISTRY, "addIssuer", new) == "NotTheParent"
    contracts.decide(REGISTRY, "addIssuer", new)
    assert trusted(contracts, PROVINCE)


@pytest.mark.parametrize(
    ("code", "parent", "level", "error"),
    [
        (SCHOOL, PROVINCE, 5, "IssuerExists"),
        (b"3142010460", PROVINCE, 5, "OtherProvince"),
        (b"0000420100", PROVINCE, 3, "OtherProvince"),
        (b"3141010460", PROVINCE, 2, "BadLevel"),
        (b"3141010460", PROVINCE, 1, "BadLevel"),
        (b"3141010460", PROVINCE, 0, "BadLevel"),
        (b"0000410200", CITY, 3, "BadLevel"),
        (b"314101046x", PROVINCE, 5, "BadCode"),
        (b"314101046\x00", PROVINCE, 5, "BadCode"),
        (b"1000410200", PROVINCE, 3, "BadCode"),
        (b"0100410200", PROVINCE, 3, "BadCode"),
        (b"S141010460", PROVINCE, 5, "BadCode"),
        (b"0000410200", PROVINCE, 6, "BadCode"),
        (b"S000410100", PROVINCE, 6, "BadCode"),
        (SCHOOL, b"0000430000", 5, "UnknownIssuer"),
    ],
)
def test_codes_and_levels_that_do_not_fit(
    world: ChainWorld, code: bytes, parent: bytes, level: int, error: str
) -> None:
    controller = world.city if parent == CITY else world.registrar
    new = issuer(code, parent, controller, level=level, key_digest=digest(1), accreditation=digest(2))
    assert world.refusal(controller, REGISTRY, "addIssuer", new) == error


def test_schools_and_services_have_no_children(world: ChainWorld) -> None:
    below = issuer(b"3141010460", SCHOOL, world.school, level=5)
    assert world.refusal(world.school, REGISTRY, "addIssuer", below) == "BadLevel"
    service = issuer(b"S141010459", SCHOOL, world.school, level=6)
    assert world.refusal(world.school, REGISTRY, "addIssuer", service) == "BadLevel"
    assert world.refusal(world.publisher, REGISTRY, "addIssuer", issuer(b"3141010461", SERVICE, world.school, level=5))
    assert world.refused_decision(REGISTRY, "addIssuer", issuer(b"3141010462", ROOT, world.school, level=5))


def test_fields_must_be_there_and_intervals_hold_something(world: ChainWorld) -> None:
    code, zero, now = b"3141010460", bytes(32), world.now()
    good = list(issuer(code, PROVINCE, world.school, level=5))

    def refused(place: int, value: object) -> str:
        return world.refusal(world.registrar, REGISTRY, "addIssuer", (*good[:place], value, *good[place + 1 :]))

    assert refused(3, "0x" + "00" * 20) == "EmptyField"
    assert refused(4, zero) == "EmptyField"
    assert refused(5, zero) == "EmptyField"
    assert refused(7, 0) == "EmptyInterval"
    assert refused(7, now) == "EmptyInterval"
    good[6] = good[7] = now + 5_000
    assert world.refusal(world.registrar, REGISTRY, "addIssuer", tuple(good)) == "EmptyInterval"


def test_a_log_entry_is_mirrored_once(world: ChainWorld) -> None:
    used = accreditation(world, SCHOOL)
    new = issuer(b"3141010460", PROVINCE, world.school, level=5, accreditation=used)
    assert world.refusal(world.registrar, REGISTRY, "addIssuer", new) == "MirroredAlready"
    refusals = [
        world.refusal(world.city, REGISTRY, "renew", SCHOOL, digest(1), used, 0, NEVER),
        world.refusal(world.city, REGISTRY, "suspend", SCHOOL, used),
        world.refusal(world.city, REGISTRY, "merge", SCHOOL, COUNTY, used),
        world.refusal(world.city, REGISTRY, "retire", SCHOOL, used, 0, used),
        world.refusal(world.school, REGISTRY, "requestRotation", SCHOOL, used, world.school.address, used, NEVER),
    ]
    assert set(refusals) == {"MirroredAlready"}
    journal = [world.ask(REGISTRY, "journalAt", place) for place in range(1, 6)]
    assert [(code, kind) for code, kind, _ in journal] == [
        (code, 1) for code in (PROVINCE, CITY, COUNTY, SCHOOL, SERVICE)
    ]
    assert [world.ask(REGISTRY, "placeOf", evidence) for _, _, evidence in journal] == [1, 2, 3, 4, 5]
    assert world.ask(REGISTRY, "journalLength") == 5


# Time


def test_nothing_is_accredited_before_the_block_that_says_so(world: ChainWorld) -> None:
    add, now = b"3141010460", world.now()
    new = issuer(add, PROVINCE, world.school, level=5, valid_from=now - 10_000)
    world.do(world.registrar, REGISTRY, "addIssuer", new)
    begin = world.ask(REGISTRY, "versionOf", add, 1)[0]
    assert begin >= now
    assert (trusted(world, add, begin - 1), trusted(world, add, begin)) == (False, True)


def test_an_interval_that_begins_and_ends_later(world: ChainWorld) -> None:
    add, now = b"3141010460", world.now()
    new = issuer(add, PROVINCE, world.school, level=5, valid_from=now + 500, valid_to=now + 900)
    world.do(world.registrar, REGISTRY, "addIssuer", new)
    assert [trusted(world, add, now + at) for at in (499, 500, 899, 900)] == [False, True, True, False]


def test_new_keys_replace_the_old_ones_from_then_on(world: ChainWorld, ground: MemoryGround) -> None:
    before = later(world, ground)
    old_key = bytes(world.ask(REGISTRY, "versionAt", SCHOOL, before)[1][3])
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), 0, NEVER)
    now = world.now()
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, old_key, before) is True
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, digest(1), before) is False
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, old_key, now) is False
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, digest(1), now) is True
    first, second = (world.ask(REGISTRY, "versionOf", SCHOOL, number) for number in (1, 2))
    assert first[1] == second[0]  # Without a gap and without an overlap.


def test_a_renewal_may_be_replaced_before_it_begins(world: ChainWorld) -> None:
    now = world.now()
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), now + 9_000, NEVER)
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(3), digest(4), now + 500, NEVER)
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, digest(3), now + 9_000) is True
    assert [world.ask(REGISTRY, "versionAt", SCHOOL, now + at)[0] for at in (400, 500, 8_999, 9_001)] == [1, 3, 3, 3]
    assert trusted(world, SCHOOL, now + 400)


def test_a_suspension_and_its_end(world: ChainWorld, ground: MemoryGround) -> None:
    for code, controller in ((SCHOOL, world.city), (CITY, world.registrar)):
        before = later(world, ground)
        world.do(controller, REGISTRY, "suspend", code, digest(1 + code[0] + code[4]))
        assert status(world, code) == 2
        during = later(world, ground)
        assert (trusted(world, SCHOOL, before), trusted(world, SCHOOL, during)) == (True, False)
        assert world.refusal(controller, REGISTRY, "suspend", code, digest(3)) == "WrongStatus"
        world.do(controller, REGISTRY, "resume", code, digest(500 + code[0] + code[4]))
        later(world, ground)
        assert trusted(world, SCHOOL)
        assert not trusted(world, SCHOOL, during)  # What was not trusted then never becomes so.
        assert world.refusal(controller, REGISTRY, "resume", code, digest(3)) == "WrongStatus"


def test_who_may_suspend_and_resume(world: ChainWorld) -> None:
    for somebody in (world.school, world.registrar, world.stranger, world.members[0]):
        assert world.refusal(somebody, REGISTRY, "suspend", SCHOOL, digest(1)) == "NotTheParent"
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(1))
    for somebody in (world.school, world.registrar, world.stranger):
        assert world.refusal(somebody, REGISTRY, "resume", SCHOOL, digest(2)) == "NotTheParent"
    assert world.refused_decision(REGISTRY, "suspend", ROOT, digest(9)) == "NotTheParent"


def test_a_suspended_parent_gives_nothing_and_may_still_take_away(world: ChainWorld, ground: MemoryGround) -> None:
    world.do(world.registrar, REGISTRY, "suspend", CITY, digest(1))
    later(world, ground)
    grants: list[tuple[str, tuple[object, ...]]] = [
        ("renew", (COUNTY, digest(2), digest(3), 0, NEVER)),
        ("merge", (COUNTY, PROVINCE, digest(4))),
        ("replaceController", (COUNTY, world.stranger.address)),
        ("addIssuer", (issuer(b"3141010460", CITY, world.city, level=5),)),
    ]
    for function, arguments in grants:
        assert world.refusal(world.city, REGISTRY, function, *arguments) == "NotTrusted"
    world.do(world.city, REGISTRY, "suspend", COUNTY, digest(5))
    assert world.refusal(world.city, REGISTRY, "resume", COUNTY, digest(6)) == "NotTrusted"


def test_retired_ends_from_then_on_and_never_earlier_or_later(world: ChainWorld, ground: MemoryGround) -> None:
    before, said = later(world, ground), accreditation(world, SCHOOL)
    world.do(world.city, REGISTRY, "retire", SCHOOL, said, before - 100, digest(1))
    assert (trusted(world, SCHOOL, before), trusted(world, SCHOOL)) == (True, False)
    end = world.ask(REGISTRY, "versionOf", SCHOOL, 1)[1]
    world.do(world.city, REGISTRY, "retire", SCHOOL, said, NEVER, digest(2))
    assert world.ask(REGISTRY, "versionOf", SCHOOL, 1)[1] == end


def test_only_the_retired_accreditation_ends(world: ChainWorld) -> None:
    old, now = accreditation(world, SCHOOL), world.now()
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), now + 500, NEVER)
    world.do(world.city, REGISTRY, "retire", SCHOOL, old, now + 100, digest(3))
    assert [trusted(world, SCHOOL, now + at) for at in (99, 100, 499, 500)] == [True, False, False, True]
    for unknown in (digest(9), accreditation(world, CITY), digest(3)):
        assert world.refusal(world.city, REGISTRY, "retire", SCHOOL, unknown, 0, digest(4)) == "UnknownAccreditation"


def test_what_was_retired_during_a_suspension_does_not_come_back(world: ChainWorld, ground: MemoryGround) -> None:
    said = accreditation(world, SCHOOL)
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(1))
    world.do(world.city, REGISTRY, "retire", SCHOOL, said, 0, digest(2))
    later(world, ground)
    world.do(world.city, REGISTRY, "resume", SCHOOL, digest(3))
    later(world, ground)
    assert not trusted(world, SCHOOL)


def test_compromised_reaches_back_and_only_grows_stricter(world: ChainWorld, ground: MemoryGround) -> None:
    before, said = later(world, ground), accreditation(world, SCHOOL)
    later(world, ground)
    world.do(world.city, REGISTRY, "compromise", SCHOOL, said, before + 500, digest(1))
    assert [trusted(world, SCHOOL, before + at) for at in (499, 500)] == [True, False]
    assert world.refusal(world.city, REGISTRY, "compromise", SCHOOL, said, before + 600, digest(2)) == "NothingToChange"
    world.do(world.city, REGISTRY, "compromise", SCHOOL, said, before, digest(2))
    assert not trusted(world, SCHOOL, before)
    assert world.refusal(world.school, REGISTRY, "compromise", SCHOOL, said, 0, digest(3)) == "NotTheParent"
    # New keys by the parent are trusted again; the old time is not.
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(4), digest(5), 0, NEVER)
    assert (trusted(world, SCHOOL), trusted(world, SCHOOL, before)) == (True, False)


def test_compromised_keys_do_not_come_back_after_a_suspension(world: ChainWorld, ground: MemoryGround) -> None:
    said = accreditation(world, SCHOOL)
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(1))
    world.do(world.city, REGISTRY, "compromise", SCHOOL, said, 0, digest(2))
    world.do(world.city, REGISTRY, "resume", SCHOOL, digest(3))
    later(world, ground)
    assert not trusted(world, SCHOOL)


def test_a_compromised_accreditation_counts_nowhere_it_was_resumed(world: ChainWorld, ground: MemoryGround) -> None:
    said = accreditation(world, SCHOOL)
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(1))
    world.do(world.city, REGISTRY, "resume", SCHOOL, digest(2))
    before = later(world, ground)
    world.do(world.city, REGISTRY, "compromise", SCHOOL, said, 0, digest(3))
    assert [trusted(world, SCHOOL, at) for at in (before - 1, before, world.now())] == [False] * 3


def test_ancestors_count_at_that_time(world: ChainWorld, ground: MemoryGround) -> None:
    before = later(world, ground)
    world.do(world.registrar, REGISTRY, "retire", CITY, accreditation(world, CITY), 0, digest(1))
    later(world, ground)
    assert (trusted(world, SCHOOL, before), trusted(world, SCHOOL), trusted(world, SERVICE)) == (True, False, True)


# Ends


def test_revoking_is_the_panel_s(world: ChainWorld, ground: MemoryGround) -> None:
    for somebody in (world.city, world.registrar, world.school, world.members[0]):
        assert world.refusal(somebody, REGISTRY, "revoke", SCHOOL, digest(1)) == "OnlyByApproval"
    before = later(world, ground)
    world.decide(REGISTRY, "revoke", SCHOOL, digest(1))
    assert status(world, SCHOOL) == 3
    assert (trusted(world, SCHOOL, before), trusted(world, SCHOOL)) == (True, False)
    over(world, world.city)
    assert world.refused_decision(REGISTRY, "revoke", SCHOOL, digest(2)) == "WrongStatus"
    assert world.refused_decision(REGISTRY, "revoke", ROOT, digest(2)) == "NotTheParent"
    assert world.refused_decision(REGISTRY, "revoke", b"3141010460", digest(2)) == "UnknownIssuer"


def over(world: ChainWorld, parent: LocalAccount) -> None:
    """Whatever is tried with an issuer that has ended is refused."""
    assert world.refusal(parent, REGISTRY, "renew", SCHOOL, digest(50), digest(51), 0, NEVER) == "WrongStatus"
    assert world.refusal(parent, REGISTRY, "resume", SCHOOL, digest(52)) == "WrongStatus"
    assert world.refusal(parent, REGISTRY, "suspend", SCHOOL, digest(52)) == "WrongStatus"
    assert world.refusal(parent, REGISTRY, "merge", SCHOOL, COUNTY, digest(52)) == "WrongStatus"
    assert world.refusal(parent, REGISTRY, "replaceController", SCHOOL, parent.address) == "WrongStatus"
    rotation = (SCHOOL, digest(53), world.school.address, digest(54), NEVER)
    assert world.refusal(world.school, REGISTRY, "requestRotation", *rotation) == "WrongStatus"
    again = issuer(SCHOOL, COUNTY, world.school, accreditation=digest(55))
    assert world.refusal(parent, REGISTRY, "addIssuer", again) == "IssuerExists"


def test_a_merged_school_ends_and_names_its_successor(world: ChainWorld, ground: MemoryGround) -> None:
    successor = b"3141010460"
    world.do(world.city, REGISTRY, "addIssuer", issuer(successor, COUNTY, world.school, level=5))
    assert world.refusal(world.city, REGISTRY, "merge", SCHOOL, SCHOOL, digest(1)) == "WrongStatus"
    assert world.refusal(world.city, REGISTRY, "merge", SCHOOL, b"3141010461", digest(1)) == "UnknownIssuer"
    assert world.refusal(world.school, REGISTRY, "merge", SCHOOL, successor, digest(1)) == "NotTheParent"
    before = later(world, ground)
    world.do(world.city, REGISTRY, "merge", SCHOOL, successor, digest(1))
    found = world.ask(REGISTRY, "issuerOf", SCHOOL)
    assert (found[1], found[3]) == (successor, 4)
    assert (trusted(world, SCHOOL, before), trusted(world, SCHOOL)) == (True, False)
    assert world.refusal(world.city, REGISTRY, "merge", successor, SCHOOL, digest(2)) == "WrongStatus"
    over(world, world.city)


# Rotation


def request(world: ChainWorld, *, valid_to: int = NEVER, number: int = 60) -> None:
    arguments = (SCHOOL, digest(number), world.stranger.address, digest(number + 1), valid_to)
    world.do(world.school, REGISTRY, "requestRotation", *arguments)


def test_a_child_rotates_after_a_delay(world: ChainWorld) -> None:
    request(world)
    assert world.refusal(world.school, REGISTRY, "completeRotation", SCHOOL) == "NotYet"
    world.ground.pass_blocks(DELAY)
    assert world.refusal(world.stranger, REGISTRY, "completeRotation", SCHOOL) == "NotTheController"
    world.do(world.school, REGISTRY, "completeRotation", SCHOOL)
    assert world.ask(REGISTRY, "controllerOf", SCHOOL) == world.stranger.address
    assert world.ask(REGISTRY, "isTrustedWith", SCHOOL, digest(60), world.now()) is True
    assert world.refusal(world.stranger, REGISTRY, "completeRotation", SCHOOL) == "NoRotation"


def test_a_parent_vetoes_in_time(world: ChainWorld) -> None:
    assert world.refusal(world.city, REGISTRY, "vetoRotation", SCHOOL) == "NoRotation"
    request(world)
    for somebody in (world.school, world.registrar, world.stranger):
        assert world.refusal(somebody, REGISTRY, "vetoRotation", SCHOOL) == "NotTheParent"
    world.do(world.city, REGISTRY, "vetoRotation", SCHOOL)
    world.ground.pass_blocks(DELAY)
    assert world.refusal(world.school, REGISTRY, "completeRotation", SCHOOL) == "NoRotation"
    assert world.ask(REGISTRY, "rotationOf", SCHOOL)[4] == 0


@pytest.mark.parametrize(
    "parents_word",
    [
        lambda world: world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), 0, NEVER),
        lambda world: world.do(world.city, REGISTRY, "replaceController", SCHOOL, world.school.address),
    ],
)
def test_the_parent_s_word_replaces_what_the_child_asked_for(
    world: ChainWorld, parents_word: Callable[[ChainWorld], object]
) -> None:
    request(world)
    parents_word(world)
    world.ground.pass_blocks(DELAY)
    assert world.refusal(world.school, REGISTRY, "completeRotation", SCHOOL) == "NoRotation"


def test_a_rotation_gives_no_more_than_the_parent_gave(world: ChainWorld, ground: MemoryGround) -> None:
    end = world.now() + 5_000
    world.do(world.city, REGISTRY, "renew", SCHOOL, digest(1), digest(2), 0, end)
    request(world)
    world.ground.pass_blocks(DELAY)
    world.do(world.school, REGISTRY, "completeRotation", SCHOOL)
    assert world.ask(REGISTRY, "versionOf", SCHOOL, 3)[1] == end
    arguments = (SCHOOL, digest(70), world.stranger.address, digest(71), NEVER)
    world.do(world.stranger, REGISTRY, "requestRotation", *arguments)
    later(world, ground, 6_000)
    world.ground.pass_blocks(DELAY)
    assert world.refusal(world.stranger, REGISTRY, "completeRotation", SCHOOL) == "NotTrusted"


def test_a_suspended_or_compromised_child_does_not_rotate_its_way_back(world: ChainWorld) -> None:
    request(world)
    world.do(world.city, REGISTRY, "compromise", SCHOOL, accreditation(world, SCHOOL), 0, digest(1))
    world.ground.pass_blocks(DELAY)
    assert world.refusal(world.school, REGISTRY, "completeRotation", SCHOOL) == "NotTrusted"
    world.do(world.city, REGISTRY, "suspend", SCHOOL, digest(2))
    assert world.refusal(world.school, REGISTRY, "completeRotation", SCHOOL) == "WrongStatus"
    arguments = (SCHOOL, digest(70), world.school.address, digest(71), NEVER)
    assert world.refusal(world.school, REGISTRY, "requestRotation", *arguments) == "WrongStatus"


def test_who_asks_for_a_rotation_and_for_what(world: ChainWorld) -> None:
    arguments = [SCHOOL, digest(70), world.school.address, digest(71), NEVER]
    for somebody in (world.city, world.stranger):
        assert world.refusal(somebody, REGISTRY, "requestRotation", *arguments) == "NotTheController"
    for place, empty in ((1, bytes(32)), (2, "0x" + "00" * 20), (3, bytes(32))):
        wrong = [*arguments[:place], empty, *arguments[place + 1 :]]
        assert world.refusal(world.school, REGISTRY, "requestRotation", *wrong) == "EmptyField"
    rotation = (ROOT, digest(70), world.school.address, digest(71), NEVER)
    assert world.refused_decision(REGISTRY, "requestRotation", *rotation) == "NotTheParent"


def test_a_parent_gives_a_child_another_controller(world: ChainWorld) -> None:
    nobody = "0x" + "00" * 20
    assert world.refusal(world.city, REGISTRY, "replaceController", SCHOOL, nobody) == "EmptyField"
    assert world.refusal(world.school, REGISTRY, "replaceController", SCHOOL, nobody) == "NotTheParent"
    world.do(world.city, REGISTRY, "replaceController", SCHOOL, world.stranger.address)
    assert world.ask(REGISTRY, "controllerOf", SCHOOL) == world.stranger.address
    assert trusted(world, SCHOOL)


# Pause, and the unit of time


def test_a_pause_stops_every_write_and_no_read(world: ChainWorld) -> None:
    request(world)
    world.do(world.members[1], REGISTRY, "pause")
    world.do(world.members[1], STATUS, "pause")
    said, some = accreditation(world, SCHOOL), digest(90)
    writes: list[tuple[LocalAccount, str, tuple[object, ...]]] = [
        (world.registrar, "addIssuer", (issuer(b"3141010460", PROVINCE, world.school, level=5),)),
        (world.city, "renew", (SCHOOL, some, digest(91), 0, NEVER)),
        (world.city, "suspend", (SCHOOL, some)),
        (world.city, "resume", (SCHOOL, some)),
        (world.city, "retire", (SCHOOL, said, 0, some)),
        (world.city, "compromise", (SCHOOL, said, 0, some)),
        (world.city, "merge", (SCHOOL, COUNTY, some)),
        (world.city, "replaceController", (SCHOOL, world.city.address)),
        (world.school, "requestRotation", (SCHOOL, some, world.school.address, digest(91), NEVER)),
        (world.city, "vetoRotation", (SCHOOL,)),
        (world.school, "completeRotation", (SCHOOL,)),
    ]
    for sender, function, arguments in writes:
        assert world.refusal(sender, REGISTRY, function, *arguments) == "EnforcedPause"
    assert world.refused_decision(REGISTRY, "revoke", SCHOOL, some) == "EnforcedPause"
    assert world.refusal(world.publisher, STATUS, "publish", SERVICE, LIST, 1, some) == "EnforcedPause"
    assert trusted(world, SCHOOL)
    named = {function for _, function, _ in writes} | {"revoke", "pause", "unpause"}
    changing = {
        part["name"]
        for part in ARTIFACTS[REGISTRY].abi
        if part["type"] == "function" and part["stateMutability"] == "nonpayable"
    }
    assert named == changing  # No write is forgotten here.
    world.decide(REGISTRY, "unpause")
    world.do(world.city, REGISTRY, "vetoRotation", SCHOOL)


@pytest.mark.parametrize("ticks", [0, 1_000])
def test_a_chain_whose_unit_of_time_was_declared_wrongly_is_refused(contracts: ChainWorld, ticks: int) -> None:
    artifact = ARTIFACTS[REGISTRY]
    factory = contracts.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    creation = factory.constructor(contracts.address(APPROVALS), ticks, 1)
    assert contracts.send(creation, contracts.stranger, gas=5_000_000)["status"] == 0


def test_a_chain_that_counts_in_milliseconds(contracts: ChainWorld, ground: MemoryGround) -> None:
    artifact = ARTIFACTS[REGISTRY]
    factory = contracts.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    ground.set_time(1_780_000_000_000)
    for ticks, stands in ((1, 0), (1_000, 1)):
        creation = factory.constructor(contracts.address(APPROVALS), ticks, 1)
        receipt = contracts.send(creation, contracts.stranger, gas=5_000_000)
        assert receipt["status"] == stands
    contracts.contracts[REGISTRY], before = factory(receipt["contractAddress"]), contracts.contracts[REGISTRY]
    assert 1_780_000_000 <= contracts.now() < 1_780_000_100
    contracts.contracts[REGISTRY] = before


# StatusAnchor


def publish(world: ChainWorld, epoch: int, number: int) -> None:
    world.do(world.publisher, STATUS, "publish", SERVICE, LIST, epoch, digest(number))


def test_lists_are_published_one_after_the_other(world: ChainWorld) -> None:
    assert world.ask(STATUS, "latest", SERVICE, LIST)[1] == 0
    publish(world, 1, 1)
    for epoch in (0, 1, 3, 2**64 - 1):
        refusal = world.refusal(world.publisher, STATUS, "publish", SERVICE, LIST, epoch, digest(2))
        assert refusal == "EpochMustFollow"
    publish(world, 2, 2)
    assert world.ask(STATUS, "latest", SERVICE, LIST)[:2] == (digest(2), 2)
    assert world.ask(STATUS, "publishedAt", SERVICE, LIST, 1)[:2] == (digest(1), 1)
    assert [world.ask(STATUS, "epochOf", SERVICE, LIST, digest(number)) for number in (1, 2, 3)] == [1, 2, 0]
    for number in (1, 2):
        refusal = world.refusal(world.publisher, STATUS, "publish", SERVICE, LIST, 3, digest(number))
        assert refusal == "PublishedAlready"
    refusal = world.refusal(world.publisher, STATUS, "publish", SERVICE, LIST, 3, bytes(32))
    assert refusal == "EmptyDigest"
    # Another list counts for itself.
    world.do(world.publisher, STATUS, "publish", SERVICE, digest(78), 1, digest(1))


def test_only_the_trusted_service_publishes(world: ChainWorld, ground: MemoryGround) -> None:
    for somebody in (world.stranger, world.registrar, world.members[0]):
        refusal = world.refusal(somebody, STATUS, "publish", SERVICE, LIST, 1, digest(1))
        assert refusal == "NotTheController"
    assert world.refusal(world.publisher, STATUS, "publish", PROVINCE, LIST, 1, digest(1)) == "NotTheController"
    publish(world, 1, 1)
    world.do(world.registrar, REGISTRY, "suspend", SERVICE, digest(5))
    later(world, ground)
    refusal = world.refusal(world.publisher, STATUS, "publish", SERVICE, LIST, 2, digest(2))
    assert refusal == "IssuerNotTrusted"
    assert world.ask(STATUS, "latest", SERVICE, LIST)[1] == 1
    world.do(world.registrar, REGISTRY, "resume", SERVICE, digest(6))
    later(world, ground)
    publish(world, 2, 2)


def test_a_province_alone_publishes_nothing(contracts: ChainWorld) -> None:
    add_province(contracts)
    refusal = contracts.refusal(contracts.publisher, STATUS, "publish", SERVICE, LIST, 1, digest(1))
    assert refusal == "NotTheController"


def test_its_registry_is_a_contract(contracts: ChainWorld) -> None:
    artifact = ARTIFACTS[STATUS]
    factory = contracts.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    creation = factory.constructor(contracts.address(APPROVALS), contracts.stranger.address)
    assert contracts.send(creation, contracts.stranger, gas=5_000_000)["status"] == 0
