"""The drawings: every path comes out at the root, spans tile the tree, and nothing leaves the paper."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crypto.hashes import sm3
from ledger.explorer.drawing import BOX_WIDTH, CHART_HEIGHT, CHART_WIDTH, WIDTH, draw_growth, draw_path, steps
from ledger.formats.merkle import InclusionProof, prove_inclusion, root

LEAVES = [sm3(number.to_bytes(4, "big")) for number in range(130)]


@given(size=st.integers(1, 130), data=st.data())
def test_a_path_comes_out_at_the_root_and_its_spans_make_up_the_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    path = steps(sm3, leaves[index], prove_inclusion(sm3, leaves, index), size)
    assert (path[-1].node if path else leaves[index]) == root(sm3, leaves)
    covered = {index, *(number for step in path for number in range(*step.covers))}
    assert covered == set(range(size))
    assert sum(step.covers.end - step.covers.begin for step in path) + 1 == size
    for step in path:
        assert step.sibling == root(sm3, leaves[step.covers.begin : step.covers.end])
        assert step.node == root(sm3, leaves[step.node_covers.begin : step.node_covers.end])
        assert step.side == ("left" if step.covers.begin < index else "right")


@given(size=st.integers(1, 130), data=st.data())
def test_a_drawing_stays_on_its_paper(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    drawn = draw_path(leaves[index], index, steps(sm3, leaves[index], prove_inclusion(sm3, leaves, index), size))
    places = [(box.x, box.y) for box in drawn.boxes]
    assert len(set(places)) == len(places)
    assert all(0 <= box.x <= WIDTH - BOX_WIDTH and 0 <= box.y < drawn.height for box in drawn.boxes)
    roots = [box for box in drawn.boxes if box.role == "root"]
    assert [box.covers for box in roots] == [(0, size)]
    assert roots[0].y == min(box.y for box in drawn.boxes)


def test_a_path_that_is_too_long_is_cut_off() -> None:
    path = steps(sm3, LEAVES[0], InclusionProof(0, tuple(LEAVES[:9])), 2)
    assert len(path) == 1


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=70))
def test_growth_never_falls_and_stays_in_its_box(gaps: list[tuple[int, int]]) -> None:
    points, time, size = [], 0.0, 0
    for later, more in gaps:
        time, size = time + later, size + more
        points.append((time, size))
    drawn = draw_growth(points)
    assert not drawn or re.fullmatch(r"(?:\d+\.\d,\d+\.\d ?)+", drawn)
    placed = [(float(x), float(y)) for x, y in (pair.split(",") for pair in drawn.split())]
    assert all(0 <= x <= CHART_WIDTH and 0 <= y <= CHART_HEIGHT for x, y in placed)
    assert all(x <= later_x and y >= later_y for (x, y), (later_x, later_y) in pairwise(placed))


def test_no_growth_is_drawn_of_one_checkpoint_or_of_one_moment() -> None:
    assert draw_growth([]) == draw_growth([(1.0, 5)]) == draw_growth([(1.0, 5), (1.0, 6)]) == ""
