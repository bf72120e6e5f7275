"""Fixtures of the fault tests: the nursery, how many kills, from which seed, and the table at the end."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.figures import Figures
from tests.faults.nursery import Nursery

KILLS: Final = "XINJI_FAULTS_KILLS"
SEED: Final = "XINJI_FAULTS_SEED"
SHARES: Final = {"publisher": 6, "chain": 6, "witness": 4, "server": 4}
"""Of twenty kills."""
_COUNTED: Final[list[Figures]] = []


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Start processes by forking; all of them end with the tests."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def seed() -> int:
    """`XINJI_FAULTS_SEED`, or another at each run: shown with the figures and in every failure."""
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(1 << 32))


@pytest.fixture
def figures(request: pytest.FixtureRequest, seed: int) -> Figures:
    """What this test counts, and how much it must; shown at the end of the run.

    Its share of `XINJI_FAULTS_KILLS` (20 unless set) is by the test's name, less where it runs on two databases.
    """
    name = request.node.name.removeprefix("test_")
    share = SHARES[name.partition("[")[0]] / (2 if "[" in name else 1)
    figures = Figures(name, seed, wanted=max(1, round(int(os.environ.get(KILLS) or 20) * share / 20)))
    print(f"{SEED}={seed}")  # noqa: T201 - in the report of a failure: what to repeat it with
    _COUNTED.append(figures)
    return figures


@pytest.fixture
def pick(request: pytest.FixtureRequest, seed: int) -> random.Random:
    """All that is left to chance in this test."""
    return random.Random(f"{seed}/{request.node.name}")  # noqa: S311 - moments, not secrets


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was counted."""
    if _COUNTED:
        terminalreporter.section("kill -9")
        for figures in _COUNTED:
            for line in figures.lines():
                terminalreporter.write_line(line)
        total = sum(figures.kills for figures in _COUNTED)
        terminalreporter.write_line(f"{total} kills in all")
