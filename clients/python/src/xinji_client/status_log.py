"""The log that a status part names for itself: under its checkpoint the accreditation of the lists' signer lies.

A key that the status service got later can never stand under the older checkpoint of a credential,
nor in a log that was closed. So the status may bring `{origin, checkpoint}` of any log of the trust file.
"""

from __future__ import annotations

from typing import Any

from xinji_client.bundle import part_of
from xinji_client.errors import CheckFailed, failing_as
from xinji_client.note import checkpoint
from xinji_client.times import iso
from xinji_client.trust import Tree, Trust
from xinji_client.witnesses import witnessed

CLOCKS = 600
"""By how many seconds the clocks of witnesses and of a log may differ (docs/ledger-format.md §7)."""


def tree_of(part: Any, trust: Trust, *, listed_at: int | None) -> Tree:
    """Return the tree of a status part's `log`, its checkpoint well signed and seen by the quorum.

    Args:
        part: The `log` of the status.
        trust: Whom the verifier believes.
        listed_at: When the list was made, which the checkpoint must not be older than; None where the
            verifier brought a list that is younger than the bundle.

    Raises:
        CheckFailed: `status_log`, or `status_beyond_final` where the log was closed before.
    """
    origin = part_of(part, "origin")
    known = trust.log(origin)
    if known is None:
        raise CheckFailed("status_log", "no log of the trust file", origin=origin)
    with failing_as("status_log", origin=origin):
        head = checkpoint(part_of(part, "checkpoint"))
        if head.origin != origin:
            raise CheckFailed("status_log", "the checkpoint is of another log", origin=origin)
        for key in known.keys:
            head.verify_log(key)
    if known.outlives_itself(head):
        raise CheckFailed("status_beyond_final", origin=origin, tree_size=head.size)
    if trust.quorum > 0:
        try:
            seen = witnessed(trust, head).time
        except CheckFailed as finding:
            raise CheckFailed("status_log", str(finding), origin=origin) from finding
        if listed_at is not None and seen + CLOCKS < listed_at:
            raise CheckFailed("status_log", f"the list is younger: {iso(listed_at)}", origin=origin, time=iso(seen))
    return Tree(known.hash, head)
