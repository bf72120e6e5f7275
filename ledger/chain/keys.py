"""Private keys of chain accounts as files: 64 hex digits, for their owner's eyes only."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from ledger.chain.base import CHECKPOINTS, REGISTRY, STATUS, ContractName, SignedTransaction
from ledger.chain.errors import ChainMismatchError, TransactionRefusedError

WRITERS: Final[tuple[ContractName, ...]] = (CHECKPOINTS, REGISTRY, STATUS)
"""The contracts that workers write to. Each has a key of its own: one key, one writer."""


def read_key(path: Path) -> bytes:
    """Return the 32 bytes of the key in a file.

    Raises:
        ChainMismatchError: There is no key in it, or others may read it.
    """
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ChainMismatchError(f"{path} is open to other users: chmod 600")
    try:
        key = bytes.fromhex(path.read_text("ascii").strip().removeprefix("0x"))
        Account.from_key(key)
    except ValueError as error:
        raise ChainMismatchError(f"{path} holds no private key: 64 hex digits are expected") from error
    return key


def load_or_create_key(path: Path) -> bytes:
    """Return the key in a file, which is made with a new one if it is missing."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    return read_key(path)


def writers_in(folder: Path) -> dict[ContractName, bytes]:
    """Return the keys of the workers' accounts, from files called as the contracts are."""
    return {name: read_key(folder / name) for name in WRITERS}


def address_of(key: bytes) -> str:
    """Return the address of a key, with its checksum."""
    return str(Account.from_key(key).address)


def sender_of(transaction: SignedTransaction) -> ChecksumAddress:
    """Return the address whose key signed a transaction.

    Raises:
        TransactionRefusedError: It is none.
    """
    try:
        return to_checksum_address(Account.recover_transaction(transaction.raw))
    except Exception as error:
        raise TransactionRefusedError("this is no signed transaction") from error
