"""The table's rows: what, measured, how; and what the figures are set beside. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

TESSERA: Final = {
    "local disks, 12 cores, duplicates not removed": 2_900,
    "local disks, 12 cores, duplicates removed": 1_600,
    "GCP's e2-micro": 1_500,
}
"""Writes a second of Tessera's POSIX storage: docs/performance.md of github.com/transparency-dev/tessera."""
GOAL: Final = 20_000
PROOF_GOAL: Final = 5.0
MEMORY_GOAL: Final = 300
PER_CHECKPOINT: Final = (10**3, 10**4, 10**5, 10**6)


class Row(NamedTuple):
    """A line of the table."""

    what: str
    measured: str
    how: str


def whole_way(name: str, entries: int, rounds: Sequence[dict[str, Any]]) -> list[Row]:
    """Tell of entries on their way from submission to a checkpoint; the best round counts."""
    got = max(rounds, key=lambda each: each["a_second"])
    room = f"{got['database_bytes']:.0f} MB in the database, {got['files_on_disk']:.0f} MB of files"
    return [
        Row(
            f"{name}: from submission to a cosigned checkpoint on the disk",
            f"**{got['a_second']:,.0f} entries a second** (goal {GOAL:,}), {got['cpu_us']:.0f} µs of processor each",
            f"{entries:,} entries, {got['publications']} checkpoints, all steps at once, the best of {len(rounds)}; "
            f"{got['megabytes']:.0f} MB; write transactions {_turns(got, 'late_turn_ms', '99 % within')}",
        ),
        *(
            Row(
                f"{name}: {step}, by itself",
                f"{values['a_second']:,.0f} a second, {values['cpu_us']:.1f} µs of processor each",
                f"write transactions {_turns(values, 'longest_ms', 'at most')}",
            )
            for step, values in got["steps"].items()
        ),
        Row(f"{name}: room for a million entries", room, f"{got['files_bytes']:.0f} MB in the files themselves"),
    ]


def beside_tessera(rate: float) -> list[Row]:
    """Set our best rate beside what Tessera publishes."""
    return [
        Row(f"beside Tessera on {where}", f"{rate / its:.1f} times", f"it publishes {its:,} writes a second")
        for where, its in TESSERA.items()
    ]


def of_log(got: dict[str, Any]) -> Row:
    """Tell of a log of some size."""
    return Row(
        f"a log of {got['size']:,} entries",
        f"inclusion proof **{got['proof_ms']:.2f} ms** (99 % within {got['late_ms']:.2f}; goal {PROOF_GOAL:g}), "
        f"{got['cpu_ms']:.2f} ms of processor; peak memory **{got['megabytes']:.0f} MB** (goal {MEMORY_GOAL})",
        f"made by `Tiles.extend` at {got['a_second']:,.0f} a second ({got['cpu_us']:.1f} µs of processor), without "
        f"database, not waiting for the disk; {got['on_disk'] / 1e6:,.0f} MB of files",
    )


def of_anchors(got: dict[str, Any], gas: int) -> list[Row]:
    """Tell of anchors on the embedded chain, and of an anchor's share of a credential."""
    size = got["transaction_bytes"]
    return [
        Row(
            "anchors, embedded chain (one node, no consensus)",
            f"{got['a_second']:.0f} a second, {got['disk_bytes'] / 1000:.1f} kB of disk each",
            f"{got['anchors']} one at a time, the whole way; {got['megabytes']:.0f} MB",
        ),
        *(
            Row(
                f"share of a credential, {count:,} a checkpoint",
                f"{gas / count:.3g} gas, {size / count:.3g} bytes of transaction",
                f"an anchor takes {gas:,} gas and {size} bytes",
            )
            for count in PER_CHECKPOINT
        ),
    ]


def beside_peer(got: dict[str, Any], count: int) -> list[Row]:
    """Set our tiles beside the peer's tree."""
    peer, ours = got["peer"], got["ours"]
    appending = ours["append_a_second"] / peer["append_a_second"]
    root, proof = (peer[name] / ours[name] for name in ("root_ms", "proof_ms"))
    beside = (
        f"the tree in files, on the disk; appending at {appending:.2g} times the peer's rate, "
        f"root {root:,.0f} times and proof {proof:,.0f} times as fast"
    )
    return [
        Row(
            f"{who}: {count:,} entries, SHA-256",
            f"{its['append_a_second']:,.0f} a second ({its['append_cpu_us']:.1f} µs of processor); root "
            f"{its['root_ms']:.2f} ms, inclusion proof {its['proof_ms']:.2f} ms",
            how,
        )
        for who, its, how in (
            (f"pymerkle {got['version']}", peer, "leaves in SQLite; the tree is hashed when it is asked for"),
            ("our tiles", ours, beside),
        )
    ]


def _turns(values: dict[str, Any], late: str, words: str) -> str:
    return f"{values['turn_ms']:.1f} ms in the middle, {words} {values[late]:.0f}"
