"""What the demo did: a row a step, as a table for people and a file for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Step:
    """One step: whether it held, how long it took, how many of what, and what to say of it."""

    name: str
    ok: bool = False
    seconds: float = 0.0
    count: int = 0
    note: str = ""


@dataclass(slots=True)
class Report:
    """The steps in order and what a reader needs to go on by hand."""

    steps: list[Step] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @contextmanager
    def step(self, name: str, console: Console) -> Iterator[Step]:
        """Time a step; it holds unless an exception leaves it. The exception goes on."""
        step = Step(name)
        self.steps.append(step)
        start = time.perf_counter()
        with console.status(name):
            try:
                yield step
                step.ok = True
            except Exception as error:
                step.note = f"{type(error).__name__}: {error}"
                raise
            finally:
                step.seconds = time.perf_counter() - start
        console.print(f"[green]✓[/] {name} [dim]{step.count} · {step.seconds:.2f} s[/] {step.note}")

    def write(self, path: Path) -> None:
        """Write the report as JSON: `ok`, `steps` and the facts."""
        content = {"ok": self.ok, "steps": [asdict(step) for step in self.steps], **self.facts}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")

    def show(self, console: Console) -> None:
        """Print the table of the steps."""
        table = Table(title="信籍 演示")
        for heading, justify in (
            ("步骤", "left"),
            ("结果", "left"),
            ("数量", "right"),
            ("秒", "right"),
            ("说明", "left"),
        ):
            table.add_column(heading, justify="right" if justify == "right" else "left")
        for step in self.steps:
            result = "[green]成立[/]" if step.ok else "[red]不成立[/]"
            table.add_row(step.name, result, str(step.count), f"{step.seconds:.2f}", step.note)
        console.print(table)
