"""The versioned deployments of our contracts on one chain, as a file that is written before anything is sent.

An upgrade is a new deployment beside the old one: what was written to the old contracts stays
readable at their addresses, and nobody, not even the panel, can change their code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from ledger.chain.base import ContractName
from ledger.chain.errors import ChainMismatchError, NotDeployedError

FORMAT: Final = "xinji/deployments/1"


@dataclass(frozen=True, slots=True)
class Panel:
    """How the contracts are set up. Members and endorsers are addresses with checksums.

    `lifetime` and `rotation_delay` count blocks. `ticks_per_second`: what the chain counts time in.
    """

    members: tuple[str, ...]
    threshold: int = 1
    lifetime: int = 100_000
    endorsers: tuple[str, ...] = ()
    endorser_threshold: int = 0
    ticks_per_second: int = 1
    rotation_delay: int = 1_000

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Return the panel that JSON describes."""
        lists = {name: tuple(content[name]) for name in ("members", "endorsers")}
        return cls(**{**content, **lists})


@dataclass(frozen=True, slots=True)
class Deployment:
    """One set of contracts. Their addresses follow from the deployer and its nonces, so they are known before.

    `code_hashes`: Keccak-256 of the code on the chain in hex, known once `complete`.
    """

    version: int
    chain_id: int
    deployer: str
    first_nonce: int
    addresses: Mapping[ContractName, str]
    panel: Panel | None
    complete: bool = False
    code_hashes: Mapping[ContractName, str] = field(default_factory=dict)


class DeploymentsFile:
    """The deployments, the oldest first. The last one is the one in use."""

    def __init__(self, path: Path) -> None:
        """Read the file where there is one.

        Raises:
            ChainMismatchError: It is not a file of deployments that we understand.
        """
        self.path = path
        self._all: list[Deployment] = []
        if path.exists():
            content = json.loads(path.read_text("utf-8"))
            if content.get("format") != FORMAT:
                raise ChainMismatchError(f"{path.name} is not of the format {FORMAT}")
            self._all = [_deployment(each) for each in content["deployments"]]

    @property
    def all(self) -> tuple[Deployment, ...]:
        """All deployments, unfinished ones too."""
        return tuple(self._all)

    @property
    def last(self) -> Deployment | None:
        """The newest deployment, finished or not."""
        return self._all[-1] if self._all else None

    @property
    def current(self) -> Deployment:
        """The newest finished deployment.

        Raises:
            NotDeployedError: There is none.
        """
        finished = [deployment for deployment in self._all if deployment.complete]
        if not finished:
            raise NotDeployedError(f"{self.path.name} names no finished deployment: run `xinji ledger deploy`")
        return finished[-1]

    def begin(self, deployment: Deployment) -> None:
        """Write down what is about to be sent."""
        self._all.append(deployment)
        self._write()

    def drop_last(self) -> None:
        """Forget an unfinished deployment of which nothing came to stand."""
        if self._all and not self._all[-1].complete:
            self._all.pop()
            self._write()

    def finish(self, code_hashes: Mapping[ContractName, str]) -> Deployment:
        """Write down that the last deployment stands, and the code that does."""
        finished = replace(self._all[-1], complete=True, code_hashes=dict(code_hashes))
        self._all[-1] = finished
        self._write()
        return finished

    def _write(self) -> None:
        content = {"format": FORMAT, "deployments": [asdict(deployment) for deployment in self._all]}
        draft = self.path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def _deployment(content: Mapping[str, Any]) -> Deployment:
    panel = content["panel"]
    return Deployment(**{**content, "panel": None if panel is None else Panel.read(panel)})
