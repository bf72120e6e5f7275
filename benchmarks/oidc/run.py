"""One run: every provider after the other on this machine, one table."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

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
    cells: dict[str, list[Measured]] = field(default_factory=dict)
    megabytes: list[float] = field(default_factory=list)

    def best(self, cell: str) -> Measured:
        """Return the best round: what else the machine does only takes away."""
        return max(self.cells[cell], key=lambda each: each.rate)


class Conditions(NamedTuple):
    """Under which it was measured."""

    seconds: float
    rounds: int
    connections: int
    load: float


def run(*, seconds: float, rounds: int, only: str = "", cells: Sequence[str] = (), connections: int) -> None:
    """Measure and print.

    All providers run at once, and each cell asks one after the other: what else the machine does
    meets them alike.
    """
    chosen = [name for name in CELLS if not cells or name in cells]
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        providers = [
            stack.enter_context(opened()) for key, opened in STAGES.items() if not only or key in only.split(",")
        ]
        runs = [Run(provider.name) for provider in providers]
        for name in chosen:
            for _ in range(rounds):
                for provider, got in zip(providers, runs, strict=True):
                    got.cells.setdefault(name, []).append(_measure(provider, name, seconds, connections))
        for provider, got in zip(providers, runs, strict=True):
            got.megabytes = [resident_megabytes(pid) for pid in provider.pids]
    _print(runs, chosen, Conditions(seconds, rounds, connections, load))


def _measure(provider: Provider, name: str, seconds: float, connections: int) -> Measured:
    try:
        if provider.sign_in is not None:
            provider = replace(provider, cookie=provider.sign_in())
        prepare = CELLS[name](provider)
    except LookupError as error:
        return Measured(failed=1, failure=str(error))
    return uvloop.run(
        measure(
            "127.0.0.1",
            provider.port,
            prepare,
            seconds=seconds,
            connections=connections,
            provider_cpu=lambda: sum(map(_processor_seconds, provider.pids)),
        )
    )


def _processor_seconds(pid: int) -> float:
    """Return the processor time that a process has had (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
def _postgresql(synchronous_commit: str) -> Iterator[Provider]:
    with (
        tempfile.TemporaryDirectory(prefix="xinji-bench-") as folder,
        running_postgresql(synchronous_commit=synchronous_commit) as url,
        our_provider(
            Path(folder),
            name=f"ours, PostgreSQL (synchronous_commit={synchronous_commit}), 2 workers",
            database_url=url,
            workers=2,
            environment={},
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
    "postgresql": partial(
        _postgresql, "off"
    ),  # As durable as SQLite above: a power cut may take back the last commits.
    "postgresql-on-disk": partial(_postgresql, "on"),
}


def _print(runs: Sequence[Run], chosen: Sequence[str], under: Conditions) -> None:
    cores = len(os.sched_getaffinity(0))
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, {cores} cores ({platform.machine()}), Python {platform.python_version()}; "
        f"the best of {under.rounds} rounds of {under.seconds:g} s, {under.connections} connections, "
        f"RS256 ID tokens; load average {under.load:.2f} before, {os.getloadavg()[0]:.2f} after\n"
    )
    peer = next((each for each in runs if each.name.startswith("oidc-provider")), None)
    columns = ("What", "Provider", "a second", "p50 ms", "p99 ms", "processor ms each", "to the peer: rate, processor")
    print(f"| {' | '.join(columns)} | to Keycloak's figure a vCPU | generator |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in chosen:
        for each in runs:
            got = each.best(name)
            if not got.times:
                print(f"| {name} | {each.name} | failed: {got.failure} | | | | | | |")
                continue
            other = peer.best(name) if peer is not None else Measured()
            ratio = _ratio(got, other) if other.times else ""
            keycloak = f"{got.rate / cores / KEYCLOAK[name]:.1f}" if name in KEYCLOAK else ""
            failed = f" ({got.failed} failed: {got.failure})" if got.failed else ""
            print(
                f"| {name} | {each.name} | {got.rate:,.0f}{failed} | {got.percentile(0.5):.1f} "
                f"| {got.percentile(0.99):.1f} | {got.cpu_each:.2f} | {ratio} | {keycloak} "
                f"| {got.own_cpu:.0%} of a core |"
            )
    print()
    for each in runs:
        print(f"{each.name}: {' + '.join(f'{size:.0f}' for size in each.megabytes)} MB a process (Pss)")
    print(f"password check (Argon2id), apart: {_password_check() * 1_000:.0f} ms of one core")


def _ratio(ours: Measured, other: Measured) -> str:
    processor = f", {other.cpu_each / ours.cpu_each:.2f}" if ours.cpu_each else ""
    return f"{ours.rate / other.rate:.2f}{processor}"


def _password_check() -> float:
    passwords = Passwords()
    hashed = passwords.hash("summer-rain-7-lotus")
    began = time.perf_counter()
    for _ in range(PASSWORD_CHECKS):
        passwords.fits(hashed, "summer-rain-7-lotus")
    return (time.perf_counter() - began) / PASSWORD_CHECKS
