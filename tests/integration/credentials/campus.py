"""Two universities, their graduates, a log with a witness, and all that credentials needs. No mocks."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from credentials import (
    dry_run,
    issuance,
    issuing,
    models,  # noqa: F401 - its tables must be known before a database is made
    status_publishing,
    store,
)
from credentials.addresses import Addresses
from credentials.bundles import assemble, disclosures_of
from credentials.directory import Person, School
from credentials.issuer_setup import ensure_issuer_keys, ensure_status_keys
from credentials.models import Credential
from credentials.ports import CredentialServices
from crypto.blind import BlindIndex
from crypto.envelope import FieldVault
from kernel.access import Actor, Role
from kernel.clock import ManualClock
from kernel.db import Database
from kernel.ids import new_id
from ledger.registry.accreditation import Accreditation, Draft, accredit, ensure_authority_keys
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import Names, school_claims, status_service_claims
from server.settings import Installation, Witness
from server.shards import publish_logs
from tests.integration.ledger.world import World, make_world
from xinji_client import trust as client_trust
from xinji_client.verify import verify

BASE = "http://localhost:8000"
ZZU = "4141010459"
HENU = "4141010475"
DIPLOMA = "urn:xinji:credential:diploma:1"
HEADINGS = "学号,姓名,证书编号,学历层次,专业,学习形式,学制,入学日期,毕业日期,结论,校长"
SCHOOLS = {
    ZZU: School(ZZU, "郑州大学", "Zhengzhou University", "41", "41", ("410000",)),
    HENU: School(HENU, "河南大学", "Henan University", "41", "41", ("410000",)),
    "3441999001": School("3441999001", "合成高级中学", "", "41", "34", ("410100", "410000")),
}


@dataclass
class Roster:
    """A directory in memory, as the adapter of the server shows one."""

    people: dict[str, dict[str, Person]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def school(self, code: str) -> School | None:
        return SCHOOLS.get(code)

    def graduates(self, school_code: str, student_numbers: Collection[str]) -> dict[str, Person]:
        self.asked.append((school_code, len(student_numbers)))
        own = self.people.get(school_code, {})
        return {number: own[number] for number in student_numbers if number in own}

    def person(self, person_id: UUID) -> Person | None:
        return next((one for own in self.people.values() for one in own.values() if one.person_id == person_id), None)

    def enrol(self, school_code: str, count: int, *, first: int = 1, name: str = "陈𠮷睿") -> list[Person]:
        own = self.people.setdefault(school_code, {})
        fresh = []
        for number in range(first, first + count):
            person = Person(
                new_id(), f"{name}{number}", "1", date(2004, 2, 29), f"2022{number:05d}", f"P7K3W0QR4X{number:04d}"
            )
            own[person.student_no] = person
            fresh.append(person)
        return fresh


def row(person: Person, serial: int, school: str = ZZU, **changes: str) -> str:
    cells = {
        "学号": person.student_no,
        "姓名": person.name,
        "证书编号": f"{school[5:]}1202605{serial:06d}",
        "学历层次": "本科",
        "专业": "计算机科学与技术",
        "学习形式": "普通全日制",
        "学制": "4",
        "入学日期": "2022-09-01",
        "毕业日期": "2026-06-30",
        "结论": "毕业",
        "校长": "李蓬",
    }
    return ",".join((cells | changes).values())


def table(people: Sequence[Person], school: str = ZZU, *, first: int = 1) -> bytes:
    rows = [row(person, serial, school) for serial, person in enumerate(people, first)]
    return "\n".join([HEADINGS, *rows, ""]).encode()


def registrar(school: str = ZZU, clock: ManualClock | None = None) -> Actor:
    return Actor(new_id(), "session", "教务员", "A1", (Role("registrar", school),), ("pwd", "otp", "mfa"), _now(clock))


def holder(person: Person, clock: ManualClock | None = None) -> Actor:
    roles = (Role("student", ZZU),)
    return Actor(person.person_id, "session", person.name, person.eid, roles, ("pwd",), _now(clock))


def _now(clock: ManualClock | None) -> Any:
    return None if clock is None else clock.now()


@dataclass
class Campus:
    """What tests use; `by` is what the application has."""

    by: CredentialServices
    roster: Roster
    world: World
    clock: ManualClock
    folder: Path

    def publish(self) -> None:
        """Let the log and the status lists catch up."""
        while self.world.cycle():
            pass
        status_publishing.run_once(self.by)
        while self.world.cycle():
            pass

    def check(self, content: bytes, *, actor: Actor | None = None) -> UUID:
        return dry_run.check_file(self.by, content, file_name="毕业生.csv", actor=actor or registrar())

    def issue(self, content: bytes, *, actor: Actor | None = None) -> UUID:
        """Check, approve and issue a file to its end."""
        actor = actor or registrar()
        batch_id = self.check(content, actor=actor)
        issuance.approve_batch(self.by, batch_id, actor=actor, leave_out_wrong=False)
        while issuing.run_once(self.by):
            pass
        return batch_id

    def issue_to(self, count: int = 1) -> list[Credential]:
        """Enrol and issue to `count` people, publish, and return their credentials."""
        people = self.roster.enrol(ZZU, count, first=1 + len(self.roster.people.get(ZZU, {})))
        first = int(people[0].student_no[4:])
        self.issue(table(people, first=first))
        self.publish()
        return [credential for person in people for credential in self.of(person.person_id)]

    def of(self, person_id: UUID) -> list[Credential]:
        with self.by.database.read() as session:
            return store.credentials_of_person(session, person_id)

    def bundle(self, credential: Credential) -> dict[str, Any]:
        with self.by.database.read() as session:
            disclosures = disclosures_of(session, credential, by=self.by)
            return assemble(session, credential, disclosures, by=self.by).bundle

    def trust(self) -> client_trust.Trust:
        """The trust file as a verifier has it, read by the client's own code."""
        path = self.folder / "trust.json"
        wires = self.world.wires
        witnesses = [
            Witness(organisation=one.organisation, url="", vkeys=[str(key) for key in one.cosigner.keys])
            for one in wires
        ]
        log = self.world.log
        installation = Installation(base_url=BASE, witnesses=witnesses, quorum=log.policy.quorum)
        publish_logs(path, installation, log, chains=[])
        return client_trust.load(path.read_bytes())

    def verify(self, bundle: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Verify as somebody else would: with the client's own implementation."""
        return verify(json.loads(json.dumps(bundle)), self.trust(), now=self.clock.now(), **more)

    def close(self) -> None:
        self.world.close()


def make_campus(
    database: Database,
    folder: Path,
    clock: ManualClock,
    *,
    schools: Sequence[str] = (ZZU, HENU),
    publish: bool = True,
    **changes: Any,
) -> Campus:
    """Accredit the schools and the status service, publish that, and return everything."""
    world = make_world(database, folder, clock)
    signer, roster = world.log.signer, Roster()
    addresses = Addresses(BASE, "410000")
    by = CredentialServices(
        **{
            "database": database,
            "clock": clock,
            "signer": signer,
            "log": world.writer,
            "tiles": world.log.tiles,
            "directory": roster,
            "vault": FieldVault(bytes(range(32)), purpose="credential"),
            "blind": BlindIndex(bytes(range(16)), "k1"),
            "share_key": b"s" * 32,
            "approval_key": bytes(32),
            "addresses": addresses,
            "data_dir": folder / "data",
            "status_interval": timedelta(seconds=10),
            **changes,
        }
    )
    accreditation = Accreditation(signer, world.writer, clock)
    province = f"{BASE}/authorities/410000"
    ensure_authority_keys(signer, province)
    status_keys = ensure_status_keys(signer, addresses)
    claims = status_service_claims(province="41", status_keys=status_keys)
    service = addresses.status_service
    accredit(database, Draft(province, service, ensure_authority_keys(signer, service), claims), by=accreditation)
    for code in schools:
        entity = addresses.school(code)
        claims = school_claims(
            names=Names(SCHOOLS[code].name, SCHOOLS[code].name_en),
            school=parse_entity_id(entity),
            credential_types=[DIPLOMA],
            issuing_keys=ensure_issuer_keys(signer, addresses, code),
        )
        accredit(database, Draft(province, entity, ensure_authority_keys(signer, entity), claims), by=accreditation)
    campus = Campus(by, roster, world, clock, folder)
    if publish:
        campus.publish()
    return campus
