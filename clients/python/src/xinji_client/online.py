"""What `--rpc` and `--log` do: ask the verifier's own node about a bundle's anchor, and the log for its growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from xinji_client import anchor, node, tiles
from xinji_client.bundle import part_of, read_bundle
from xinji_client.errors import CheckFailed, FormatError
from xinji_client.hashes import Hash
from xinji_client.note import Checkpoint, checkpoint
from xinji_client.trust import Trust


def ask_node(
    bundle: bytes | str | Mapping[str, Any],
    trust: Trust | None,
    call: node.Call,
    *,
    log_files: tiles.Read | None = None,
) -> anchor.NodeAnswers:
    """Ask the node behind `call` about a bundle's anchor; `log_files` may be read where the anchored tree is larger.

    Never raises for what bundle or node say. A node is told no more than the log's identifier and a
    size; nothing is asked of a chain that the trust file does not name.
    """
    parts = read_bundle(bundle)
    growth = None if log_files is None else _growth(log_files)
    head: Checkpoint | None = None
    claim = None
    with suppress(FormatError):
        head = checkpoint(part_of(parts.get("log"), "checkpoint"))
    with suppress(CheckFailed):
        claim = None if parts.get("anchor") is None else anchor.claim_of(parts["anchor"], head)[0]
    chain = None if trust is None else anchor.named_chain(trust, claim)
    if head is None or chain is None or chain.is_embedded:
        return anchor.NodeAnswers({}, growth)
    size = None if claim is None else claim.size
    return anchor.NodeAnswers(node.ask(call, chain, origin=head.origin, size=size), growth)


def _growth(read: tiles.Read) -> anchor.Consistency:
    def consistency(h: Hash, old_size: int, new_size: int) -> Sequence[bytes]:
        return tiles.consistency(read, h, old_size=old_size, new_size=new_size)

    return consistency
