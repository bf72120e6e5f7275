"""Asking several at once: nobody is waited for longer than the others make worth it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from ledger.gathering import Gatherer


def after(seconds: float, answer: str) -> Callable[[], str]:
    def wait() -> str:
        time.sleep(seconds)
        return answer

    return wait


def two(answers: Sequence[str]) -> bool:
    return len(answers) >= 2


def test_all_are_asked_at_once() -> None:
    begin = time.monotonic()
    found = Gatherer().gather({n: after(0.2, str(n)) for n in range(5)}, lambda _: False, wait=5, grace=0)
    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert time.monotonic() - begin < 0.9


def test_once_there_are_enough_the_others_have_a_little_time() -> None:
    stop = threading.Event()
    begin = time.monotonic()
    questions = {1: after(0, "a"), 2: after(0, "b"), 3: after(0.1, "c"), 4: lambda: str(stop.wait(30))}
    assert sorted(Gatherer().gather(questions, two, wait=20, grace=0.4)) == ["a", "b", "c"]
    assert time.monotonic() - begin < 5
    stop.set()


def test_without_enough_the_wait_ends_and_the_slow_one_is_not_asked_twice() -> None:
    stop, asked = threading.Event(), []

    def slow() -> str:
        asked.append(1)
        stop.wait(30)
        return "slow"

    gatherer = Gatherer()
    for _ in range(3):
        assert gatherer.gather({1: after(0, "a"), 2: slow}, two, wait=0.15, grace=0) == ["a"]
    assert len(asked) == 1
    stop.set()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if sorted(gatherer.gather({1: after(0, "a"), 2: slow}, two, wait=1, grace=0)) == ["a", "slow"]:
            break
    assert len(asked) == 2


def test_what_a_question_raises_is_raised_here() -> None:
    def bad() -> str:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Gatherer().gather({1: bad}, two, wait=5, grace=0)
    assert Gatherer().gather({}, two, wait=5, grace=5) == []
