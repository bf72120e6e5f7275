"""Our provider for the benchmark: a data folder of its own, `xinji serve` as a process, one person signed in.

The clients and the person are made by the use cases; signing in and consenting go through
the pages, as a browser without JavaScript does it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from sqlalchemy import insert

from benchmarks.oidc.browser import Browser
from benchmarks.oidc.cells import CALLBACK, Client, Provider
from idp.directory.activation import draft_code, give_codes
from idp.directory.enrolment import draft_person
from idp.directory.models import Affiliation, Person
from idp.directory.profiles import Profile
from idp.directory.registration import register_school
from idp.errors import IdpError
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.registration import ClientRegistration, register_client
from kernel.db import Base, Database
from server import tables
from server.parts import Parts
from server.settings import Installation, Settings, save_installation
from server.setup import found

ROOT: Final = Path(__file__).parents[2]
PASSWORD: Final = "summer-rain-7-lotus"  # noqa: S105 - of nobody
START: Final = 60.0


@contextmanager
def our_provider(
    folder: Path, *, name: str, database_url: str | None, workers: int, environment: Mapping[str, str]
) -> Iterator[Provider]:
    """Run our provider in `folder`, on SQLite there unless a database is named."""
    port = free_port()
    settings = Settings(data_dir=folder / "data", database_url=database_url)
    prepare(settings, port)
    parts = found(settings)
    eid, code = _enrol(parts)
    clients = _register(parts)
    parts.database.dispose()
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "serve", "--role", "idp", "--host", "127.0.0.1", "--port", str(port)]
        + (["--workers", str(workers)] if workers > 1 else []),
        cwd=ROOT,
        env={
            **os.environ,
            **environment,
            "XINJI_DATA_DIR": str(settings.data_dir),
            **({"XINJI_DATABASE_URL": database_url} if database_url else {}),
        },
        stdin=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        paths = read_paths(base, process)
        browser = Browser(base)
        browser.get("/activate").submit(eid=eid, code=code).submit(password=PASSWORD, password2=PASSWORD)
        for client, scope in ((clients[0], "openid profile"), (clients[1], "openid profile offline_access")):
            browser.get(consent_address(paths, client, scope))
            if not browser.location:
                browser.submit(decision="allow")
        cookie = browser.cookie_header(paths["authorization_endpoint"])
        browser.close()
        yield Provider(name, port, paths, *clients, cookie, children_of(process.pid) or (process.pid,))
    finally:
        end(process)


def prepare(settings: Settings, port: int) -> None:
    """Make the data folder and the tables."""
    settings.data_dir.mkdir(parents=True)
    save_installation(settings, Installation(base_url=f"http://127.0.0.1:{port}"))
    database = Database(settings.database)
    assert tables.MODULES  # noqa: S101 - imported so that all tables are known
    Base.metadata.drop_all(database.engine)
    Base.metadata.create_all(database.engine)
    database.dispose()


def _enrol(parts: Parts) -> tuple[str, str]:
    now = parts.clock.now()
    with parts.database.write() as session:
        school = register_school(
            session,
            code="4141010459",
            name="郑州大学",
            name_en="Zhengzhou University",
            superior=parts.installation.province,
            officer_of=None,
            actor=None,
            now=now,
        )
        session.flush()
        draft = draft_person(
            Profile("李雷", "1", date(2004, 3, 2)), None, source_id=school.id, now=now, by=parts.directory
        )
        session.execute(insert(Person), [draft.person])
        session.add(
            Affiliation(
                person_id=draft.id,
                organisation_id=school.id,
                role="student",
                number=secrets.token_hex(6),
                grade="2022",
                student_status="01",
                since=date(2022, 9, 1),
                created_at=now,
                changed_at=now,
            )
        )
        code = draft_code(draft.id, parts.directory)
        give_codes(session, [code], given_by=draft.id, organisation_id=school.id, now=now)
    eid: str = draft.person["eid"]
    return eid, code.code


def _register(parts: Parts) -> tuple[Client, Client, Client | None]:
    def register(name: str, **metadata: object) -> Client:
        registration = ClientRegistration(
            name=name, owner=name, metadata=ClientMetadata.model_validate({"redirect_uris": [CALLBACK], **metadata})
        )
        with parts.database.write() as session:
            given = register_client(session, registration, keyed=parts.idp.keyed, now=parts.clock.now())
        return Client(given.client_id, given.client_secret or "")

    web = register("web", scope="openid profile")
    offline = register("offline", scope="openid profile offline_access")
    try:
        machine = register("machine", scope="openid profile", grant_types=["client_credentials"])
    except IdpError:
        return web, offline, None
    return web, offline, machine


def consent_address(paths: Mapping[str, str], client: Client, scope: str) -> str:
    """Return the address of an authorization request."""
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": CALLBACK,
        "scope": scope,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    return f"{paths['authorization_endpoint']}?{httpx.QueryParams(query)}"


def read_paths(base: str, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return the paths that the provider's metadata names, once it answers."""
    configuration = "/.well-known/openid-configuration"
    metadata: dict[str, str] = {}

    def answers() -> bool:
        try:
            reply = httpx.get(f"{base}{configuration}", trust_env=False, timeout=5)
        except httpx.HTTPError:
            return False
        metadata.update(json.loads(reply.content))
        return True

    wait_until(answers, process)
    named = {key: urlsplit(value).path for key, value in metadata.items() if key.endswith(("_endpoint", "_uri"))}
    return {**named, "configuration": configuration}


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until `ready()`, or raise where the process ends or it takes too long."""
    end_at = time.monotonic() + START
    while not ready():
        if process.poll() is not None or time.monotonic() > end_at:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def children_of(pid: int) -> tuple[int, ...]:
    """Return the process's children (Linux)."""
    found_: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        found_ += [int(word) for word in tasks.read_text("ascii").split()]
    return tuple(found_)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
