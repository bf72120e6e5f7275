"""When to kill: at a random moment of work, some of the time at one that a short step fills."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

from tests.faults.figures import Figures
from tests.faults.nursery import Born


def strike(
    victim: Born,
    figures: Figures,
    pick: random.Random,
    *,
    work: Callable[[], object],
    aims: Sequence[str],
    most: float = 0.4,
    aimed: float = 0.7,
    into: float = 0.002,
) -> None:
    """Give the process work from here until it is killed, within `most` seconds or soon after.

    A moment by the clock alone falls into the long steps. So a share of the kills waits for one of `aims`
    to be open after its random while, and then up to `into` seconds more.
    """
    after, late = pick.uniform(0, most), pick.uniform(0, into)
    aim = pick.choice(aims) if pick.random() < aimed else None
    failed: list[BaseException] = []

    def kill() -> None:
        try:
            victim.kill(after=after, aim=aim, late=late)
        except BaseException as error:  # noqa: BLE001 - raised where the test sees it
            failed.append(error)

    killer = threading.Thread(target=kill)
    killer.start()
    while killer.is_alive():
        work()
    killer.join()
    if failed:
        raise failed[0]
    figures.count(victim.board.open)
