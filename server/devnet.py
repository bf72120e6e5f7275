"""`xinji ledger devnet`: a network of validators on this machine until it is told to end, or a bound is reached."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ledger.chain.devnet.network import Network
from ledger.chain.keys import WRITERS, address_of, load_or_create_key

PROFILE: Final = "cosmos-evm"
MEMBER: Final = "member"
LOOK_EVERY_SECONDS: Final = 2
_MEGABYTE: Final = 10**6


def run_devnet(
    folder: Path | None, *, validators: int, minutes: float, megabytes: int, say: Callable[[str], None]
) -> None:
    """Run a network in `folder`, or in one that is thrown away, for at most so long and so large.

    Raises:
        ChainEngineError: The binary is missing, or a validator ended.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _place(folder) as place:
        keys = {name: load_or_create_key(place / "keys" / name) for name in (MEMBER, *WRITERS)}
        network = Network(place / "network", validators=validators, funded=[address_of(key) for key in keys.values()])
        with network:
            settings = place / "settings.sh"
            settings.write_text(_settings(network, place), "utf-8")
            _tell(network, settings, place, say)
            try:
                say(_wait(network, place, minutes=minutes, megabytes=megabytes))
            except KeyboardInterrupt:
                say("ending")


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder.expanduser().resolve()
        return
    with TemporaryDirectory(prefix="xinji-devnet-") as temporary:
        yield Path(temporary)


def _settings(network: Network, place: Path) -> str:
    """Return what makes an installation use this network, for a shell to read. Ports are others at each start."""
    settings = {
        "ENGINE": "rpc",
        "PROFILE": PROFILE,
        "ID": network.chain_id,
        "RPC": ",".join(network.urls),
        "KEYS": place / "keys",
        "MEMBER_KEY": place / "keys" / MEMBER,
        "DEPLOYMENTS": place / "deployments.json",
        "VALIDATORS": len(network.validators),
        "OPERATORS": 1,
    }
    return "".join(f"export XINJI_CHAIN_{name}={shlex.quote(str(value))}\n" for name, value in settings.items())


def _tell(network: Network, settings: Path, place: Path, say: Callable[[str], None]) -> None:
    say(f"{len(network.validators)} validators, chain id {network.chain_id}, profile {PROFILE}")
    for validator in network.validators:
        say(f"  {validator.url}  process {validator.pid}")
    say("One operator runs them all: this rehearses a consortium's network and is no evidence for anybody.")
    say(f"Data in {place}: {_size(place) / _MEGABYTE:.0f} MB, and about 0.2 MB a second more.")
    say(f"To use it: . {settings} && xinji serve")
    say("Ctrl-C ends it.")


def _wait(network: Network, place: Path, *, minutes: float, megabytes: int) -> str:
    """Wait until something ends it, and say what."""
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(LOOK_EVERY_SECONDS)
        if not any(validator.alive for validator in network.validators):
            return "all validators have ended"
        if _size(place) > megabytes * _MEGABYTE:
            return f"ended: its data have reached {megabytes} MB"
    return f"ended after {minutes:g} minutes"


def _size(place: Path) -> int:
    """Return the bytes in a folder whose files come and go meanwhile."""
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            try:
                total += (Path(folder) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total
