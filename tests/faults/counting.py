"""What is counted on the chain, for every test that lets something anchor."""

from __future__ import annotations

from ledger.anchors import store as anchor_store
from ledger.anchors.anchoring import Anchoring
from tests.faults.figures import Figures


def count_anchors(by: Anchoring, acknowledged: dict[int, bytes], figures: Figures) -> None:
    """Compare what the database holds with the contract: in order, once, none in vain, none lost."""
    with by.database.read() as session:
        rows = anchor_store.history(session, by.contract)
    last = rows[-1]
    assert {row.state for row in rows} == {"final"}
    # As many transactions as anchors, each on the one before.
    assert [row.nonce for row in rows] == list(range(len(rows)))
    assert by.chain.next_nonce() == len(rows)
    assert by.chain.latest_anchor(by.log_id) == (last.tree_size, last.root_hash, len(rows))
    before = block = 0
    for row in rows:
        receipt = by.chain.receipt(row.tx_hash)
        assert receipt is not None
        assert (receipt.succeeded, receipt.block_number) == (True, row.block_number)
        assert receipt.block_hash == row.block_hash
        assert (row.previous_size, row.attempts) == (before, 0)
        assert receipt.block_number > block
        before, block = row.tree_size, receipt.block_number
    now = {row.tree_size: row.tx_hash for row in rows}
    figures.lost += len(acknowledged.items() - now.items())
    figures.more["anchors"] = len(rows)
