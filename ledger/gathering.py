"""Ask several at once, and wait no longer for the slow ones than the others make worth it.

Pure of what is asked. An answer that is late is lost to this round; its thread ends by itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Answer = TypeVar("Answer")


class Gatherer:
    """Asks each of its correspondents one question at a time."""

    def __init__(self) -> None:
        """Begin with nobody being asked."""
        self._asked: set[int] = set()

    def gather(
        self,
        questions: Mapping[int, Callable[[], Answer]],
        enough: Callable[[Sequence[Answer]], bool],
        *,
        wait: float,
        grace: float,
    ) -> list[Answer]:
        """Ask all that are not still busy with an earlier question; return the answers that came in time.

        Args:
            questions: By who is asked; each is called in a thread of its own.
            enough: Whether these answers will do: the others then have `grace` seconds left.
            wait: Seconds after which nobody is waited for any more.
            grace: See `enough`.

        Raises:
            Exception: Whatever a question raised.
        """
        answers: queue.SimpleQueue[tuple[Answer | None, Exception | None]] = queue.SimpleQueue()

        def _ask(who: int, question: Callable[[], Answer]) -> None:
            said: tuple[Answer | None, Exception | None]
            try:
                said = question(), None
            except Exception as error:  # noqa: BLE001 - raised where the answers are waited for
                said = None, error
            self._asked.discard(who)
            answers.put(said)

        free = {who: question for who, question in questions.items() if who not in self._asked}
        self._asked.update(free)
        for who, question in free.items():
            # Daemons: an answer that never ends does not keep the process from ending.
            threading.Thread(target=_ask, args=(who, question), name="gathering", daemon=True).start()
        return _collected(answers, len(free), enough, wait=wait, grace=grace)


def _collected(
    answers: queue.SimpleQueue[tuple[Answer | None, Exception | None]],
    count: int,
    enough: Callable[[Sequence[Answer]], bool],
    *,
    wait: float,
    grace: float,
) -> list[Answer]:
    came: list[Answer] = []
    is_enough = enough(came)
    deadline = time.monotonic() + (grace if is_enough else wait)
    for _ in range(count):
        try:
            answer, error = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if error is not None:
            raise error
        came.append(answer)  # type: ignore[arg-type]  # Without an error there is an answer.
        if not is_enough and enough(came):
            deadline, is_enough = min(deadline, time.monotonic() + grace), True
    return came
