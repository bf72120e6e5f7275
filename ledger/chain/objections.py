"""What a contract objects to a call, in its own words and ours. Knows errors by their ABI, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eth_abi.abi import decode
from eth_utils.abi import function_signature_to_4byte_selector
from web3.exceptions import ContractCustomError, ContractLogicError

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.artifact import ARTIFACTS

HINTS: Final[Mapping[str, str]] = {
    "AlreadyExecuted": "it was carried out",
    "BelowConfirmed": "endorsers have confirmed a larger anchor, which nobody can leave behind",
    "EnforcedPause": "the contract is paused: `xinji ledger unpause` comes first",
    "ExpectedPause": "the contract is not paused",
    "LogExists": "the log is open already",
    "MirroredAlready": "a log entry counts once: name another entry that says this",
    "NotEnoughApprovals": "other members must approve it first",
    "NotTrusted": "its parent is not accredited now",
    "ProposalLapsed": "it lapsed, or the panel changed: propose it again",
    "UnknownAnchor": "no anchor of exactly this size counts",
    "UnknownIssuer": "the registry holds no such code",
    "UnknownLog": "the contract does not know this log",
    "WrongStatus": "it was revoked or merged, which is for good",
}
"""What a person can make of an error. The others' names say as much."""


def objection(error: ContractLogicError) -> str:
    """Return what a contract objected: the error's name, its arguments, and a hint where there is one."""
    data = error.data if isinstance(error, ContractCustomError) else None
    known = _ERRORS.get(bytes.fromhex(data[2:10])) if isinstance(data, str) else None
    if known is None or not isinstance(data, str):
        return str(error.message or error)
    name, fields = known
    values = decode([kind for _, kind in fields], bytes.fromhex(data[10:]))
    shown = ", ".join(f"{field}={_shown(value)}" for (field, _), value in zip(fields, values, strict=True))
    hint = HINTS.get(name)
    return f"{name}({shown})" + (f": {hint}" if hint else "")


def _shown(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    # Codes are digits and an S; hashes are not.
    return value.decode() if value.isalnum() and value.isascii() else f"0x{value.hex()}"


def _errors() -> dict[bytes, tuple[str, list[tuple[str, str]]]]:
    found = {}
    for artifact in ARTIFACTS.values():
        for item in artifact.abi:
            if item["type"] == "error":
                fields = [(each["name"], each["type"]) for each in item["inputs"]]
                signature = f"{item['name']}({','.join(kind for _, kind in fields)})"
                found[bytes(function_signature_to_4byte_selector(signature))] = (item["name"], fields)
    return found


_ERRORS: Final = _errors()
