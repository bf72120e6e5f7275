"""Where the parts of two drawings stand: an entry's path through the tree, and the log's growth.

Pure: proofs and sizes in, coordinates out; templates write the SVG. A path is drawn upright,
the root on top, one level a row, so that the path through ten million entries (24 levels)
still fits a phone: the way up is the middle column, and each neighbour stands on its own side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.formats.merkle import Hash, InclusionProof, node_hash

WIDTH: Final = 360
ROW: Final = 64
BOX_WIDTH: Final = 108
BOX_HEIGHT: Final = 40
_MARGIN: Final = 6
_LEFT, _MIDDLE, _RIGHT = _MARGIN, (WIDTH - BOX_WIDTH) // 2, WIDTH - BOX_WIDTH - _MARGIN

CHART_WIDTH: Final = 600
CHART_HEIGHT: Final = 140


class Span(NamedTuple):
    """Which entries a node covers: [begin, end)."""

    begin: int
    end: int

    @property
    def last(self) -> int:
        """The index of the last entry it covers."""
        return self.end - 1


class Step(NamedTuple):
    """One step up: the neighbour, on which side it stands, what it covers, and what the two hash to."""

    side: str
    sibling: bytes
    covers: Span
    node: bytes
    node_covers: Span


class Box(NamedTuple):
    """A node of the drawing. `role`: leaf, node, sibling or root; `x` and `y` are its left upper corner."""

    role: str
    x: int
    y: int
    hash: bytes
    covers: Span

    @property
    def centre(self) -> int:
        """Where its text and its lines are centred."""
        return self.x + BOX_WIDTH // 2


class Line(NamedTuple):
    """A line from a node up to its parent."""

    x1: int
    y1: int
    x2: int
    y2: int
    on_path: bool


class TreeDrawing(NamedTuple):
    """A path as a drawing of WIDTH by `height`."""

    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def steps(h: Hash, leaf: bytes, proof: InclusionProof, tree_size: int) -> tuple[Step, ...]:
    """Return the path from `leaf` up, with what each node covers.

    The spans follow from index and size alone (RFC 9162 §2.1.1); a path of another length is
    cut off at the shorter of the two, and then leads to no signed root.
    """
    made: list[Step] = []
    node = leaf
    for sibling, (own, beside) in zip(proof.path, reversed(_spans(proof.leaf_index, tree_size)), strict=False):
        left = beside.begin < own.begin
        node = node_hash(h, sibling, node) if left else node_hash(h, node, sibling)
        both = Span(min(own.begin, beside.begin), max(own.end, beside.end))
        made.append(Step("left" if left else "right", sibling, beside, node, both))
    return tuple(made)


def draw_path(leaf: bytes, index: int, path: Sequence[Step]) -> TreeDrawing:
    """Place the leaf at the bottom, the root on top, and each neighbour on its side."""
    rows = len(path)
    boxes = [Box("root" if not path else "leaf", _MIDDLE, _top(rows), leaf, Span(index, index + 1))]
    lines: list[Line] = []
    centre = _MIDDLE + BOX_WIDTH // 2
    for at, step in enumerate(path):
        row, parent_bottom = rows - at, _top(rows - at - 1) + BOX_HEIGHT
        side = Box("sibling", _LEFT if step.side == "left" else _RIGHT, _top(row), step.sibling, step.covers)
        role = "root" if at == rows - 1 else "node"
        boxes += [side, Box(role, _MIDDLE, _top(row - 1), step.node, step.node_covers)]
        lines += [
            Line(centre, _top(row), centre, parent_bottom, on_path=True),
            Line(side.centre, _top(row), centre, parent_bottom, on_path=False),
        ]
    return TreeDrawing(_top(rows) + BOX_HEIGHT + _MARGIN, tuple(boxes), tuple(lines))


def draw_growth(points: Sequence[tuple[float, int]]) -> str:
    """Return the points of an SVG polyline through (time, size), each growing, in CHART_WIDTH by CHART_HEIGHT.

    Steps, not slopes: between two checkpoints the log has the size of the first. Empty with
    fewer than two points, or where no time passed.
    """
    if len(points) < 2 or points[-1][0] <= points[0][0]:  # noqa: PLR2004 - a line needs two points
        return ""
    (begin, low), (end, high) = points[0], points[-1]
    placed: list[tuple[float, float]] = []
    for time, size in points:
        x = CHART_WIDTH * (time - begin) / (end - begin)
        y = CHART_HEIGHT - CHART_HEIGHT * (size - low) / max(high - low, 1)
        if placed:
            placed.append((x, placed[-1][1]))
        placed.append((x, y))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)


def _top(row: int) -> int:
    return _MARGIN + row * ROW


def _spans(index: int, tree_size: int) -> list[tuple[Span, Span]]:
    """Return, from the root down, the span that holds `index` and the one beside it."""
    found: list[tuple[Span, Span]] = []
    begin, end = 0, tree_size
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        low, high = Span(begin, middle), Span(middle, end)
        found.append((low, high) if index < middle else (high, low))
        begin, end = found[-1][0]
    return found
