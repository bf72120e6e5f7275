"""Make the folders of a network's validators: keys, one genesis for all, configuration for loopback only.

Everything that listens on 0.0.0.0 by default is turned off or moved; ports are given at each start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from ledger.chain.devnet.bech32 import bech32
from ledger.chain.devnet.binary import Binary
from ledger.chain.errors import ChainEngineError

NETWORK: Final = "injective-1776"
CHAIN_ID: Final = 1776
"""The EIP-155 chain id that the binary's genesis has."""

_STAKE: Final = 10**23
_RICHES: Final = 10**24
_DENOM: Final = "inj"
_NO_CODE: Final = "xdJGAYb3IzySfn2y3McDwOUAtlPKgic7e/rYBF2FpHA="  # Keccak-256 of nothing.
_NEVER_JAILED: Final = 10**9
_CONFIGURATION: Final = (
    ("pex", "false"),
    ("allow_duplicate_ip", "true"),  # All of them live at 127.0.0.1.
    ("addr_book_strict", "false"),
    ("pprof_laddr", '""'),
    ("indexer", '"null"'),  # Of Cosmos transactions; the EVM's have an index of their own.
)
_T = TypeVar("_T")
_R = TypeVar("_R")


def make_homes(binary: Binary, folder: Path, *, validators: int, funded: Sequence[str]) -> list[Path]:
    """Make the home folders of a new network in which the addresses (0x…) of `funded` have coins."""
    homes = [folder / f"validator-{number}" for number in range(validators)]
    addresses = _each(lambda home: _make_home(binary, home), homes)
    genesis = _genesis(homes[0], [*addresses, *(bech32(_DENOM, bytes.fromhex(one[2:])) for one in funded)])
    for home in homes:
        _write(home, genesis)
    genesis["app_state"]["genutil"]["gen_txs"] = _each(lambda home: _join(binary, home), homes)
    for home in homes:
        _write(home, genesis)
        _configure(home)
    return homes


def node_id(binary: Binary, home: Path) -> str:
    """Return by what name the others know this validator's node."""
    return binary.run("comet", "show-node-id", "--home", str(home)).strip()


def _each(do: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    with ThreadPoolExecutor(max_workers=len(items)) as pool:
        return list(pool.map(do, items))


def _make_home(binary: Binary, home: Path) -> str:
    """Make a validator's keys and return its address."""
    binary.run("init", home.name, "--chain-id", NETWORK, "--home", str(home), "--default-denom", _DENOM)
    made = binary.run("keys", "add", "operator", *_keyring(home), "--output", "json")
    return str(json.loads(made)["address"])


def _join(binary: Binary, home: Path) -> Mapping[str, Any]:
    """Sign the transaction by which it becomes a validator at genesis."""
    file = home / "join.json"
    where = ("--chain-id", NETWORK, "--ip", "127.0.0.1", "--output-document", str(file))
    binary.run("genesis", "gentx", "operator", f"{_STAKE}{_DENOM}", *where, *_keyring(home))
    joined: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return joined


def _keyring(home: Path) -> tuple[str, ...]:
    return ("--home", str(home), "--keyring-backend", "test")


def _genesis(home: Path, addresses: Sequence[str]) -> dict[str, Any]:
    genesis: dict[str, Any] = json.loads(_path(home).read_text("utf-8"))
    state = genesis["app_state"]
    state["auth"]["accounts"] = [
        {
            "@type": "/injective.types.v1beta1.EthAccount",
            "base_account": {"address": address, "pub_key": None, "account_number": str(number), "sequence": "0"},
            "code_hash": _NO_CODE,
        }
        for number, address in enumerate(addresses)
    ]
    coins = [{"denom": _DENOM, "amount": str(_RICHES)}]
    state["bank"]["balances"] = [{"address": address, "coins": coins} for address in addresses]
    state["bank"]["supply"] = [{"denom": _DENOM, "amount": str(_RICHES * len(addresses))}]
    state["txfees"]["params"]["min_gas_price"] = "1.000000000000000000"  # 0 is refused.
    state["crisis"]["constant_fee"]["denom"] = _DENOM
    # By default who misses 50 of 100 blocks loses its vote for ten minutes: half a minute's stop would be for good.
    state["slashing"]["params"]["signed_blocks_window"] = str(_NEVER_JAILED)
    genesis["consensus"]["params"]["block"]["max_gas"] = "150000000"
    return genesis


def _path(home: Path) -> Path:
    return home / "config" / "genesis.json"


def _write(home: Path, genesis: Mapping[str, Any]) -> None:
    _path(home).write_text(json.dumps(genesis), "utf-8")


def _configure(home: Path) -> None:
    path = home / "config" / "config.toml"
    text = path.read_text("utf-8")
    for name, value in _CONFIGURATION:
        text, changed = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        if not changed:
            raise ChainEngineError(f"this version of the binary knows no setting {name}")
    path.write_text(text, "utf-8")
