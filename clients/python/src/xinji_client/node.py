"""The verifier's own chain node: what is asked of it, over plain JSON-RPC, and what its answers say.

Asking and judging are two steps: `ask` brings back the raw answers, `xinji_client.anchor` judges
them without a network. Chain id and contract are those of the verifier's trust file, never the
bundle's. A node that lies all of a piece cannot be told from an honest one: it has to be one's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xinji_client.encoding import MAX_SAFE_INTEGER, strict_json
from xinji_client.errors import FormatError, UnreachableError
from xinji_client.hashes import sha256
from xinji_client.http import fetch
from xinji_client.jws import text_of

# First 4 bytes of the Keccak-256 of the functions' signatures (Solidity ABI).
ANCHOR_AT = "8c0d6778"  # anchorAt(bytes32,uint64) -> (root, previousSize, blockNumber, blockTime, endorsements)
LATEST = "79feb107"  # latest(bytes32) -> (alg, size, root, anchors)
_ANCHOR_WORDS, _LATEST_WORDS = 5, 4
_WORD = 64
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"0x[0-9a-fA-F]*")
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,15})")

Call = Callable[[str, Sequence[Any]], Any]
"""`call(method, params)` returns a JSON-RPC result; raises UnreachableError or FormatError."""


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A chain as the trust file names it."""

    mode: str
    chain_id: int
    contract: str
    """The address in lower case: checksums (EIP-55) are for people."""

    @property
    def is_embedded(self) -> bool:
        """Whether it is a single node without consensus, which adds no evidence."""
        return self.mode == "embedded"


@dataclass(frozen=True, slots=True)
class Latest:
    """The log's newest anchor in the contract; `alg` 1 SHA-256, 2 SM3, 0 where it does not know the log."""

    alg: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Anchored:
    """One anchor in the contract; its root is all zeros where there is none."""

    root: bytes
    previous_size: int
    block_number: int
    endorsements: int


def chain_entry(item: Mapping[str, Any]) -> ChainEntry | None:
    """Read a chain of the trust file; None for one in a form that is not known here."""
    try:
        mode, contract, number = text_of(dict(item), "mode"), text_of(dict(item), "contract"), item.get("chain_id")
    except FormatError:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not _ADDRESS.fullmatch(contract):
        return None
    return ChainEntry(mode, number, contract.lower())


def over_http(url: str) -> Call:
    """Speak JSON-RPC 2.0 with the node at `url`."""

    def call(method: str, params: Sequence[Any]) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        answer = strict_json(fetch(url, body.encode()))
        if not isinstance(answer, dict) or answer.get("id") != 1 or answer.get("error") or "result" not in answer:
            raise FormatError(f"{method}: {json.dumps(answer, ensure_ascii=False)[:200]}")
        return answer["result"]

    return call


def ask(call: Call, chain: ChainEntry, *, origin: str, size: int | None) -> dict[str, Any]:
    """Return the node's raw answers about a log's anchor of exactly `size`, or about its latest one.

    `{"chain_id", "code", "latest", "anchor"}` in hexadecimal as the node gave them, `size` beside
    them; or `{"error": "unreachable" | "malformed", "detail"}`. What was answered before is kept.
    """
    log_id = sha256(origin.encode()).hex()
    answers: dict[str, Any] = {"size": size}
    try:
        answers["chain_id"] = call("eth_chainId", [])
        answers["code"] = call("eth_getCode", [chain.contract, "latest"])
        if size is None:
            answers["latest"] = _call(call, chain, LATEST + log_id)
            answers["size"] = size = latest(answers["latest"]).size
            answers["anchor"] = _call(call, chain, f"{ANCHOR_AT}{log_id}{size:0{_WORD}x}")
        else:
            # The anchor first: the latest one only grows meanwhile.
            answers["anchor"] = _call(call, chain, f"{ANCHOR_AT}{log_id}{size:0{_WORD}x}")
            answers["latest"] = _call(call, chain, LATEST + log_id)
    except UnreachableError as error:
        return answers | {"error": "unreachable", "detail": str(error)}
    except FormatError as error:
        return answers | {"error": "malformed", "detail": str(error)}
    return answers


def _call(call: Call, chain: ChainEntry, data: str) -> Any:
    return call("eth_call", [{"to": chain.contract, "data": f"0x{data}"}, "latest"])


def chain_id(answer: object) -> int:
    """Read the answer to eth_chainId.

    Raises:
        FormatError: It is no quantity.
    """
    if not isinstance(answer, str) or not _QUANTITY.fullmatch(answer):
        raise FormatError("eth_chainId gave no quantity")
    return int(answer, 16)


def has_code(answer: object) -> bool:
    """Whether the answer to eth_getCode shows a contract.

    Raises:
        FormatError: It is no data.
    """
    if not isinstance(answer, str) or not _HEX.fullmatch(answer):
        raise FormatError("eth_getCode gave no data")
    return len(answer) > len("0x")


def latest(answer: object) -> Latest:
    """Read what `latest` returned.

    Raises:
        FormatError: It has another form.
    """
    words = _words(answer, _LATEST_WORDS)
    return Latest(_number(words[0]), _number(words[1]), bytes.fromhex(words[2]))


def anchored(answer: object) -> Anchored:
    """Read what `anchorAt` returned.

    Raises:
        FormatError: It has another form.
    """
    root, previous, block, _, endorsements = _words(answer, _ANCHOR_WORDS)
    return Anchored(bytes.fromhex(root), _number(previous), _number(block), _number(endorsements))


def _words(answer: object, count: int) -> list[str]:
    if not isinstance(answer, str) or not _HEX.fullmatch(answer) or len(answer) != len("0x") + count * _WORD:
        raise FormatError(f"a contract's answer of {count} words is wanted")
    return [answer[at : at + _WORD] for at in range(len("0x"), len(answer), _WORD)]


def _number(word: str) -> int:
    number = int(word, 16)
    if number > MAX_SAFE_INTEGER:
        raise FormatError("a number beyond 2^53 in a contract's answer")
    return number
