"""Run validators as children of this process, on 127.0.0.1 only.

They end with it however it ends: Linux sends each a SIGKILL when the thread that started it is
gone, so whoever starts a network from a thread keeps that thread.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import httpx

from ledger.chain.devnet.binary import Binary, find_binary
from ledger.chain.devnet.genesis import CHAIN_ID, NETWORK, make_homes, node_id
from ledger.chain.errors import ChainEngineError, ChainUnavailableError

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 90
STOP_SECONDS: Final = 10
LOOK_EVERY_SECONDS: Final = 0.1


class Ports(NamedTuple):
    """Where a validator listens: for the others, for CometBFT's and the EVM's RPC, for gRPC, for a websocket."""

    p2p: int
    rpc: int
    evm: int
    grpc: int
    websocket: int


class Validator:
    """One validator: its folder, its ports, and its process while it runs."""

    def __init__(self, binary: Binary, home: Path, ports: Ports) -> None:
        """Take the home folder that `make_homes` made."""
        self.home = home
        self.ports = ports
        self.node_id = node_id(binary, home)
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the EVM's JSON-RPC answers."""
        return f"http://{HOST}:{self.ports.evm}"

    @property
    def peer(self) -> str:
        """How the others reach it."""
        return f"{self.node_id}@{HOST}:{self.ports.p2p}"

    @property
    def pid(self) -> int:
        """The id of its process, also of one that has ended; 0 where none was started."""
        return 0 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def messages(self) -> Path:
        """The file of what it printed."""
        return self.home / "messages.txt"

    def start(self, peers: Sequence[str]) -> None:
        """Start its process."""
        if self.alive:
            return
        with self.messages.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [*_bound_to_us(), str(self._binary.path), *self._arguments(peers)],
                env=self._binary.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _arguments(self, peers: Sequence[str]) -> list[str]:
        ports = self.ports
        options = {
            "home": self.home,
            "chain-id": NETWORK,
            "log-level": "error",
            "minimum-gas-prices": "0inj",
            "p2p.laddr": f"tcp://{HOST}:{ports.p2p}",
            "p2p.persistent_peers": ",".join(peer for peer in peers if peer != self.peer),
            "rpc.laddr": f"tcp://{HOST}:{ports.rpc}",
            "grpc.address": f"{HOST}:{ports.grpc}",
            "json-rpc.address": f"{HOST}:{ports.evm}",
            "json-rpc.ws-address": f"{HOST}:{ports.websocket}",
            "api.enable": "false",
            "grpc-web.enable": "false",
            "iavl-cache-size": 10_000,
            "wasm.memory_cache_size": 0,
            # Old states go, blocks and receipts stay: the disk is small, and any receipt can be looked at again.
            "pruning": "custom",
            "pruning-keep-recent": 100,
            "pruning-interval": 10,
        }
        return ["start", *(f"--{name}={value}" for name, value in options.items())]

    def kill(self) -> None:
        """End its process at once, in the middle of anything (`kill -9`)."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def ask_to_stop(self) -> None:
        """Ask its process to end, without waiting."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End its process: politely, then for good."""
        self.ask_to_stop()
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def height(self) -> int | None:
        """Return the number of its latest block, or None where its JSON-RPC does not answer."""
        try:
            return int(self._ask(self.url, "eth_blockNumber"), 16)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    def validators(self) -> int:
        """Return how many validators make blocks, as its CometBFT says."""
        return int(self._ask(f"http://{HOST}:{self.ports.rpc}", "validators")["total"])

    def is_behind(self) -> bool:
        """Whether it is still fetching blocks that the others made; it refuses transactions meanwhile."""
        try:
            return bool(self._ask(f"http://{HOST}:{self.ports.rpc}", "status")["sync_info"]["catching_up"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return True

    def _ask(self, url: str, method: str) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [] if method.startswith("eth_") else {}}
        with httpx.Client(trust_env=False, timeout=2) as client:
            return client.post(url, json=body).json()["result"]


class Network:
    """Validators that know each other. A folder that holds a network already is gone on with."""

    def __init__(
        self,
        folder: Path,
        *,
        validators: int = 4,
        funded: Sequence[str] = (),
        binary: Binary | None = None,
    ) -> None:
        """Make or open the network in `folder`; nothing runs yet.

        `funded`: addresses (0x…) that have coins from the first block; of a new network only.

        Raises:
            ChainEngineError: The binary is missing, or the folder's network has another size.
        """
        binary = binary or find_binary()
        self.folder = folder
        homes = _homes(binary, folder, validators, funded)
        self.validators = [
            Validator(binary, home, ports) for home, ports in zip(homes, free_ports(validators), strict=True)
        ]

    @property
    def chain_id(self) -> int:
        """The EIP-155 chain id."""
        return CHAIN_ID

    @property
    def urls(self) -> list[str]:
        """The JSON-RPC addresses, one a validator."""
        return [validator.url for validator in self.validators]

    def start(self) -> None:
        """Start all validators and wait until blocks are made and each JSON-RPC answers.

        Raises:
            ChainEngineError: A validator ended.
            ChainUnavailableError: It takes too long.
        """
        for validator in self.validators:
            self.restart(validator)
        self.wait_for_blocks(self.validators)

    def restart(self, validator: Validator) -> None:
        """Start one validator, at the ports it had."""
        validator.start([each.peer for each in self.validators])

    def wait_for_blocks(self, validators: Sequence[Validator], *, more: int = 1) -> None:
        """Wait until each of these has kept up with the others and made `more` blocks than it has now."""
        goals = {validator.node_id: (validator.height() or 0) + more for validator in validators}

        def reached() -> bool:
            for validator in validators:
                if not validator.alive:
                    tail = validator.messages.read_text("utf-8", errors="replace")[-500:]
                    raise ChainEngineError(f"{validator.home.name} ended: {tail}")
            return all(
                (validator.height() or 0) >= goals[validator.node_id] and not validator.is_behind()
                for validator in validators
            )

        _wait(reached, "no blocks are made")

    def stop(self) -> None:
        """End all validators."""
        for validator in self.validators:
            validator.ask_to_stop()
        for validator in self.validators:
            validator.stop()

    def kill(self) -> None:
        """End all validators at once: for networks whose folder is thrown away."""
        for validator in self.validators:
            validator.kill()

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()


def free_ports(count: int) -> list[Ports]:
    """Return ports of 127.0.0.1 that nobody listens at. Held together until all are known: none comes twice."""
    with ExitStack() as held:

        def port() -> int:
            probe = held.enter_context(socket.socket())
            probe.bind((HOST, 0))
            return int(probe.getsockname()[1])

        return [Ports(*(port() for _ in Ports._fields)) for _ in range(count)]


def _homes(binary: Binary, folder: Path, validators: int, funded: Sequence[str]) -> list[Path]:
    marker = folder / "network.json"
    if not marker.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ChainEngineError(f"{folder} is neither empty nor a network's")
        homes = make_homes(binary, folder, validators=validators, funded=funded)
        marker.write_text(json.dumps({"validators": validators}), "utf-8")
        return homes
    made = json.loads(marker.read_text("utf-8"))["validators"]
    if made != validators:
        raise ChainEngineError(f"the network in {folder} has {made} validators")
    return [folder / f"validator-{number}" for number in range(validators)]


def _bound_to_us() -> list[str]:
    """Return the words before a command that make it yield to others and end with the thread that starts it."""
    setpriv, nice = shutil.which("setpriv"), shutil.which("nice")
    bound = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []  # util-linux; there is none on macOS.
    return [*([nice, "-n", "5"] if nice else []), *bound]


def _wait(ready: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > end:
            raise ChainUnavailableError(f"{otherwise} after {START_SECONDS} s")
        time.sleep(LOOK_EVERY_SECONDS)
