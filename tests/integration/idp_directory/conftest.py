"""A province with two universities and a county, rosters to import, and the worker run to its end."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from crypto.blind import BlindIndex
from crypto.envelope import FieldVault
from idp.directory.identity_document import mod_11_2
from idp.directory.registration import found_province, register_authority, register_school
from idp.directory.roster import uploading, work
from idp.directory.roster.confirmation import confirm
from idp.directory.roster.models import RosterImport
from idp.directory.roster.store import roster_import
from idp.directory.services import DirectoryServices
from kernel.clock import Clock, ManualClock
from kernel.db import Database

HEADING = "学号,姓名,性别,出生日期,证件类型,证件号码,年级,班级,民族,国籍,入学年月,学生状态"
ZHENGZHOU, HENAN, SCHOOL = "4141010459", "4141010475", "3441999001"
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明"

Cells = list[str]


def make_people(count: int, *, seed: int = 1, first: int = 1) -> list[Cells]:
    """Return `count` synthetic people as cells of a roster, all with different identity numbers."""
    choose = random.Random(seed)  # noqa: S311 - synthetic people
    people: dict[str, Cells] = {}
    while len(people) < count:
        born = date(1998, 1, 1) + timedelta(days=choose.randrange(3000))
        serial = choose.randrange(1000)
        payload = f"4101{choose.randrange(2, 9):02}{born:%Y%m%d}{serial:03}"
        number = payload + mod_11_2(payload)
        name = choose.choice(SURNAMES) + choose.choice(GIVEN) + choose.choice(GIVEN)
        people.setdefault(
            number,
            [
                f"2022{first + len(people):07}",
                name,
                "男" if serial % 2 else "女",
                born.isoformat(),
                "居民身份证",
                number,
                "2022",
                "1班",
                "汉",
                "中国",
                "202209",
                "在读",
            ],
        )
    return list(people.values())


def as_csv(rows: Sequence[Sequence[str]], heading: str = HEADING) -> bytes:
    """Return a roster as CSV in UTF-8."""
    return "".join(f"{line}\r\n" for line in [heading, *(",".join(row) for row in rows)]).encode()


@dataclass
class World:
    """A directory with its organisations, and what tests do with it."""

    database: Database
    by: DirectoryServices
    clock: ManualClock
    ids: dict[str, UUID] = field(default_factory=dict)
    registrar: UUID = field(default_factory=uuid4)

    def upload(self, content: bytes, school: str = ZHENGZHOU, actor: UUID | None = None) -> UUID:
        """Upload a file as the registrar of `school`."""
        return uploading.accept(
            self.database,
            content,
            file_name="名册.csv",
            school_id=self.ids[school],
            actor=actor or self.registrar,
            by=self.by,
        )

    def work(self) -> None:
        """Run the worker until it finds nothing to do."""
        while work.run_once(self.database, self.by):
            pass

    def job(self, import_id: UUID) -> RosterImport:
        """Return an import as it is."""
        with self.database.read() as session:
            found = roster_import(session, import_id)
        assert found is not None
        return found

    def dry_run(self, content: bytes, school: str = ZHENGZHOU, actor: UUID | None = None) -> RosterImport:
        """Upload a file and let the worker check it."""
        import_id = self.upload(content, school, actor)
        self.work()
        return self.job(import_id)

    def confirm(self, import_id: UUID, school: str = ZHENGZHOU, *, only_good: bool = False) -> None:
        """Confirm a checked import."""
        with self.database.write() as session:
            confirm(
                session,
                import_id,
                school_id=self.ids[school],
                only_good=only_good,
                actor=self.registrar,
                now=self.clock.now(),
            )

    def import_roster(self, content: bytes, school: str = ZHENGZHOU, *, only_good: bool = False) -> RosterImport:
        """Upload, check, confirm and write a file."""
        job = self.dry_run(content, school)
        assert job.state == "checked", job.problem
        self.confirm(job.id, school, only_good=only_good)
        self.work()
        return self.job(job.id)


def counts(job: RosterImport) -> tuple[int, int, int, int, int]:
    """Return new, changed, same, wrong, review."""
    return job.new, job.changed, job.same, job.wrong, job.review


def services(clock: Clock) -> DirectoryServices:
    """Return services with keys that every process of a test shares."""
    return DirectoryServices(
        vault=FieldVault(bytes(range(32)), purpose="directory"),
        index=BlindIndex(b"i" * 32, "test-1"),
        codes=BlindIndex(b"c" * 32, "test-1"),
        clock=clock,
    )


def _world(database: Database, clock: ManualClock) -> World:
    world = World(database, services(clock), clock)
    now = clock.now()
    with database.write() as session:
        found_province(session, code="410000", name="河南省教育厅", name_en="Henan", now=now)
        for code, superior, name in (
            ("410100", "410000", "郑州市教育局"),
            ("410105", "410100", "金水区教育局"),
            ("410200", "410000", "开封市教育局"),
        ):
            register_authority(
                session, code=code, name=name, name_en="", superior=superior, officer_of=None, actor=None, now=now
            )
        for code, superior, name in (
            (ZHENGZHOU, "410000", "郑州大学"),
            (HENAN, "410000", "河南大学"),
            (SCHOOL, "410105", "合成高级中学"),
        ):
            made = register_school(
                session, code=code, name=name, name_en="", superior=superior, officer_of=None, actor=None, now=now
            )
            world.ids[code] = made.id
    return world


@pytest.fixture
def make_world(clock: ManualClock) -> Callable[[Database], World]:
    return lambda database: _world(database, clock)


@pytest.fixture
def world(sqlite_database: Database, clock: ManualClock) -> World:
    """A directory on SQLite."""
    return _world(sqlite_database, clock)


@pytest.fixture
def any_world(database: Database, clock: ManualClock) -> World:
    """A directory, once on SQLite and once on PostgreSQL."""
    return _world(database, clock)
