"""One run: every provider after the other on this machine, one table."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.oidc.cells import CELLS, Provider
from benchmarks.oidc.generator import Measured, measure
from benchmarks.oidc.ours import our_provider
from benchmarks.oidc.peer import install, peer_provider
from benchmarks.oidc.postgresql import running_postgresql
from idp.authn.passwords import Passwords
from server.processes import resident_megabytes

KEYCLOAK: Final = {"code flow": 15, "refresh": 120, "client_credentials": 120}
"""A second and vCPU, as Keycloak's sizing guide has them; its logins hash a password, our flow does not."""
PASSWORD_CHECKS: Final = 5


@dataclass
class Run:
    """What one provider gave."""

    name: str
    load: float
    cells: dict[str, Measured] = field(default_factory=dict)
    megabytes: list[float] = field(default_factory=list)


def run(*, seconds: float, only: str = "", cells: Sequence[str] = (), connections: int) -> None:
    """Measure and print."""
    chosen = [name for name in CELLS if not cells or name in cells]
    runs = []
    for key, opened in STAGES.items():
        if only and only not in key:
            continue
        with opened() as provider:
            runs.append(_measure(provider, chosen, seconds, connections))
    _print(runs, chosen, seconds, connections)


def _measure(provider: Provider, chosen: Sequence[str], seconds: float, connections: int) -> Run:
    measured = Run(provider.name, os.getloadavg()[0])
    for name in chosen:
        try:
            if provider.sign_in is not None:
                provider = replace(provider, cookie=provider.sign_in())
            prepare = CELLS[name](provider)
        except LookupError as error:
            measured.cells[name] = Measured(failed=1, failure=str(error))
            continue
        measured.cells[name] = uvloop.run(
            measure("127.0.0.1", provider.port, prepare, seconds=seconds, connections=connections)
        )
    measured.megabytes = [resident_megabytes(pid) for pid in provider.pids]
    return measured


@contextmanager
def _sqlite() -> Iterator[Provider]:
    with (
        tempfile.TemporaryDirectory(prefix="xinji-bench-") as folder,
        our_provider(
            Path(folder),
            name="ours, SQLite (WAL, synchronous=NORMAL), 1 worker",
            database_url=None,
            workers=1,
            environment={"XINJI_SQLITE_SYNCHRONOUS": "normal"},
        ) as provider,
    ):
        yield provider


@contextmanager
def _postgresql() -> Iterator[Provider]:
    with (
        tempfile.TemporaryDirectory(prefix="xinji-bench-") as folder,
        running_postgresql() as url,
        our_provider(
            Path(folder), name="ours, PostgreSQL, 2 workers", database_url=url, workers=2, environment={}
        ) as provider,
    ):
        yield provider


@contextmanager
def _peer() -> Iterator[Provider]:
    install()
    with peer_provider() as provider:
        yield provider


STAGES: Final[dict[str, Callable[[], AbstractContextManager[Provider]]]] = {
    "peer": _peer,
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def _print(runs: Sequence[Run], chosen: Sequence[str], seconds: float, connections: int) -> None:
    cores = len(os.sched_getaffinity(0))
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, {cores} cores ({platform.machine()}), Python {platform.python_version()}; "
        f"{seconds:g} s a cell, {connections} connections, RS256 ID tokens"
    )
    peer = next((each for each in runs if each.name.startswith("oidc-provider")), None)
    print("| What | Provider | a second | p50 ms | p99 ms | to the peer | to Keycloak's figure a vCPU | generator |")
    print("|---|---|---|---|---|---|---|---|")
    for name in chosen:
        for each in runs:
            got = each.cells[name]
            if not got.times:
                print(f"| {name} | {each.name} | failed: {got.failure} | | | | | |")
                continue
            other = peer.cells[name].rate if peer is not None else 0.0
            ratio = f"{got.rate / other:.2f}" if other else ""
            keycloak = f"{got.rate / cores / KEYCLOAK[name]:.1f}" if name in KEYCLOAK else ""
            failed = f" ({got.failed} failed: {got.failure})" if got.failed else ""
            print(
                f"| {name} | {each.name} | {got.rate:,.0f}{failed} | {got.percentile(0.5):.1f} "
                f"| {got.percentile(0.99):.1f} | {ratio} | {keycloak} | {got.own_cpu:.0%} of a core |"
            )
    for each in runs:
        sizes = " + ".join(f"{size:.0f}" for size in each.megabytes)
        print(f"{each.name}: {sizes} MB a process (Pss); load average at its start {each.load:.2f}")
    print(f"password check (Argon2id), apart: {_password_check() * 1_000:.0f} ms of one core")


def _password_check() -> float:
    passwords = Passwords()
    hashed = passwords.hash("summer-rain-7-lotus")
    began = time.perf_counter()
    for _ in range(PASSWORD_CHECKS):
        passwords.fits(hashed, "summer-rain-7-lotus")
    return (time.perf_counter() - began) / PASSWORD_CHECKS
