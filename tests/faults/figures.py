"""What a test of kills counted, and the small table that it becomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """The count of one kind of process. `lost`, `twice` and `forks` must be 0 at the end."""

    who: str
    seed: int
    wanted: int
    """How many kills must hit the middle of a step."""
    kills: int = 0
    hit: Counter[str] = field(default_factory=Counter)
    """The steps that kills left open: one may leave several, one within the other or in several threads."""
    missed: int = 0
    """Kills that left none open."""
    entries: int = 0
    lost: int = 0
    twice: int = 0
    forks: int = 0
    checkpoints: int = 0
    proofs: int = 0
    more: dict[str, int] = field(default_factory=dict)

    def count(self, stages: tuple[str, ...]) -> None:
        """Count a kill by the stages that it left open."""
        self.kills += 1
        self.missed += not stages
        self.hit.update(stages)

    @property
    def wants_more(self) -> bool:
        """Whether to kill again; those that hit nothing do not count, and must not be many."""
        assert self.kills <= 2 * self.wanted + 5, f"too many kills hit nothing: {self.hit}"
        return self.in_work < self.wanted

    @property
    def in_work(self) -> int:
        """How many kills fell into the middle of a step."""
        return self.kills - self.missed

    def check(self) -> None:
        """See to it that nothing was lost, doubled or forked."""
        assert (self.lost, self.twice, self.forks) == (0, 0, 0), self
        assert self.in_work == self.wanted, self

    def lines(self) -> list[str]:
        """Return the figures as lines to read."""
        more = "".join(f", {count} {what}" for what, count in self.more.items())
        counted = (
            f"{self.who} (seed {self.seed}): {self.kills} kills, {self.in_work} of them in the middle of a step; "
            f"{self.entries} entries, {self.lost} lost, {self.twice} twice, {self.forks} forks; "
            f"{self.checkpoints} checkpoints consistent, {self.proofs} proofs verified{more}"
        )
        return [counted, "    " + ", ".join(f"{stage} {count}" for stage, count in self.hit.most_common())]
