from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

from kernel.clock import ManualClock, SystemClock
from kernel.ids import new_id, new_token
from kernel.workers import Loop, Worker


def test_a_failing_step_does_not_end_the_loop() -> None:
    calls: list[int] = []
    enough = threading.Event()

    def step() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the first turn fails")
        if len(calls) >= 3:
            enough.set()
            return 0
        return 1

    loop = Loop([Worker("step", step, interval=0.01)])
    loop.start()
    assert enough.wait(5)
    loop.stop()
    loop.wait()


def test_row_keys_sort_by_time_and_tokens_differ() -> None:
    first, second = new_id(), new_id()
    assert first.version == 7
    assert first < second or first.bytes[:6] == second.bytes[:6]
    assert new_token() != new_token()


def test_clocks_tell_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
    clock = ManualClock(datetime(2026, 6, 30, 12, tzinfo=timezone(timedelta(hours=8))))
    clock.move(timedelta(hours=1))
    assert clock.now() == datetime(2026, 6, 30, 5, tzinfo=UTC)
