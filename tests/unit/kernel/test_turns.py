from __future__ import annotations

import threading
import time

from kernel.turns import Turns


def test_turns_come_in_the_order_of_asking() -> None:
    turns, order = Turns(), list[int]()
    assert turns.take(0)

    def ask(number: int) -> None:
        assert turns.take(5)
        order.append(number)
        turns.end()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    turns.end()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_up_waiting_holds_up_nobody() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.end()
    assert turns.take(0)
    turns.end()
