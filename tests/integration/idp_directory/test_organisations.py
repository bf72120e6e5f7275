"""Organisations: registering within the subtree, numbers, codes that are never reused."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from idp.directory import store
from idp.directory.errors import (
    InputError,
    OrganisationExistsError,
    OrganisationUnknownError,
    OutsideSubtreeError,
    SchoolOutsideProvinceError,
    SuperiorError,
)
from idp.directory.input_errors import PlaceUnknownError, SchoolTypeError
from idp.directory.lookup import authority_codes, school_by_code
from idp.directory.models import Organisation, Succession
from idp.directory.registration import found_province, register_authority, register_school, rename, retype
from tests.integration.idp_directory.conftest import SCHOOL, ZHENGZHOU, World


def register(world: World, code: str, superior: str, officer_of: str | None = "410100") -> None:
    with world.database.write() as session:
        register_school(
            session,
            code=code,
            name="合成小学",
            name_en="",
            superior=superior,
            officer_of=officer_of,
            actor=uuid4(),
            now=world.clock.now(),
        )


def test_a_city_officer_registers_in_the_subtree_and_nowhere_else(any_world: World) -> None:
    register(any_world, "2141999001", "410105")
    register(any_world, "2141999002", "410100")
    for superior in ("410000", "410200"):
        with pytest.raises(OutsideSubtreeError):
            register(any_world, "2141999003", superior)
    with any_world.database.read() as session:
        assert store.organisation_by_code(session, "2141999003") is None
        assert authority_codes(session, "2141999001") == ("410105", "410100", "410000")


def test_a_code_prefix_is_no_subtree(world: World) -> None:
    """4101 and 410100 share digits, and power follows the tree, not the digits."""
    with world.database.write() as session:
        register_authority(
            session, code="410102", name="中原区", name_en="", superior="410000", officer_of=None, actor=None,
            now=world.clock.now(),
        )  # fmt: skip
    with pytest.raises(OutsideSubtreeError):
        register(world, "2141999009", "410102")


@pytest.mark.parametrize(
    ("code", "superior", "error"),
    [
        ("9941999001", "410105", SchoolTypeError),
        ("2161999001", "410105", SchoolOutsideProvinceError),
        (SCHOOL, "410105", OrganisationExistsError),
        ("2141999001", "410109", OrganisationUnknownError),
        ("2141999001", SCHOOL, SuperiorError),
    ],
)
def test_refused_schools_leave_nothing_behind(world: World, code: str, superior: str, error: type[Exception]) -> None:
    with world.database.read() as session:
        before = len(list(session.scalars(select(Organisation))))
    with pytest.raises(error):
        register(world, code, superior, officer_of=None)
    with world.database.read() as session:
        assert len(list(session.scalars(select(Organisation)))) == before


@pytest.mark.parametrize(
    ("code", "superior", "error"),
    [
        ("410205", "410100", SuperiorError),
        ("610100", "410000", SuperiorError),
        ("410000", "410000", SuperiorError),
        ("411800", "410000", PlaceUnknownError),
        ("410200", "410000", OrganisationExistsError),
    ],
)
def test_refused_authorities(world: World, code: str, superior: str, error: type[InputError]) -> None:
    with pytest.raises(error), world.database.write() as session:
        register_authority(
            session,
            code=code,
            name="某局",
            name_en="",
            superior=superior,
            officer_of=None,
            actor=None,
            now=world.clock.now(),
        )


def test_only_a_province_is_a_root(world: World) -> None:
    with pytest.raises(SuperiorError), world.database.write() as session:
        found_province(session, code="610100", name="西安", name_en="", now=world.clock.now())


def test_renaming_keeps_the_code_and_retyping_kills_it(any_world: World) -> None:
    world = any_world
    world.clock.move(timedelta(days=40))
    with world.database.write() as session:
        school = store.organisation_by_code(session, SCHOOL)
        assert school is not None
        rename(session, school, name="合成完全中学", name_en="Synthetic School", now=world.clock.now())
        retype(session, school, code="3641999001", now=world.clock.now())
    with world.database.read() as session:
        found = school_by_code(session, SCHOOL)
        assert found is not None
        assert (found.code, found.name, found.type) == ("3641999001", "合成完全中学", "36")
        assert authority_codes(session, "3641999001") == ("410105", "410100", "410000")
        edges = {edge.kind: (edge.old_code, edge.old_name) for edge in session.scalars(select(Succession))}
        assert edges == {"renamed": (SCHOOL, "合成高级中学"), "retyped_as": (SCHOOL, "合成完全中学")}
    with pytest.raises(OrganisationExistsError):  # Dead codes are never reused …
        register(world, SCHOOL, "410105")
    with world.database.write() as session:  # … but a school that is retyped back has its old one again.
        school = store.organisation_by_code(session, "3641999001")
        assert school is not None
        retype(session, school, code=SCHOOL, now=world.clock.now())
    with world.database.read() as session:
        entry = store.code_entry(session, SCHOOL)
        assert entry is not None
        assert entry.valid_to is None


def test_numbers_add_up_over_the_tree(any_world: World) -> None:
    with any_world.database.write() as session:
        store.add_people(session, any_world.ids[SCHOOL], 120)
        store.add_people(session, any_world.ids[ZHENGZHOU], 1000)
    with any_world.database.read() as session:
        province = store.organisation_by_code(session, "410000")
        assert province is not None
        assert store.subtree_numbers(session, province.path) == (3, 1120)
        rows = [(row.code, row.schools, row.people) for row in store.branches(session, province.id)]
        assert rows == [("410100", 1, 120), ("410200", 0, 0)]
        direct, more = store.schools_page(session, path=province.path, direct=province.id, search="", page=1)
        assert ([school.code for school in direct], more) == ([ZHENGZHOU, "4141010475"], False)


@pytest.mark.parametrize(
    ("search", "codes"), [("合成", [SCHOOL]), ("3441", [SCHOOL]), ("大学", 2), ("%", []), ("_", [])]
)
def test_schools_are_searched_on_the_server(any_world: World, search: str, codes: list[str] | int) -> None:
    with any_world.database.read() as session:
        found, _ = store.schools_page(session, path="410000/", direct=None, search=search, page=1)
        assert len(found) == codes if isinstance(codes, int) else [school.code for school in found] == codes
        city, _ = store.schools_page(session, path="410000/410100/", direct=None, search=search, page=1)
        assert {school.code for school in city} == {school.code for school in found} & {SCHOOL}


def test_pages_of_schools(world: World) -> None:
    with world.database.write() as session:
        for number in range(60):
            register_school(
                session,
                code=f"21419990{number:02}",
                name=f"合成小学{number}",
                name_en="",
                superior="410105",
                officer_of=None,
                actor=None,
                now=world.clock.now(),
            )
        county = store.organisation_by_code(session, "410105")
    assert county is not None
    with world.database.read() as session:
        first, more = store.schools_page(session, path=county.path, direct=county.id, search="", page=1)
        assert (len(first), more) == (50, True)
        second, more = store.schools_page(session, path=county.path, direct=county.id, search="", page=2)
        assert (len(second), more) == (11, False)
