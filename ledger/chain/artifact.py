"""The compiled contracts, as they were committed. Node made them (`contracts/build.mjs`); nothing here needs Node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ledger.chain.base import APPROVALS, CHECKPOINTS, REGISTRY, STATUS, ContractName

_FOLDER: Final = Path(__file__).parent / "contracts" / "artifacts"


class Artifact(NamedTuple):
    """ABI and creation bytecode of one contract, and the code that stands on the chain afterwards."""

    abi: list[dict[str, Any]]
    bytecode: str
    deployed: bytes
    immutables: tuple[tuple[int, int], ...]
    """Start and length of the places in `deployed` that its creation fills in."""

    def is_code(self, code: bytes) -> bool:
        """Whether `code` is this contract, whatever its immutable values are."""
        return self._blank(code) == self._blank(self.deployed)

    def _blank(self, code: bytes) -> bytes:
        blank = bytearray(code)
        for start, length in self.immutables:
            blank[start : start + length] = bytes(length)
        return bytes(blank)


def load_artifact(name: str) -> Artifact:
    """Read the committed artifact of the contract called `name`."""
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    places = tuple((place["start"], place["length"]) for place in content["immutables"])
    deployed = bytes.fromhex(content["deployedBytecode"].removeprefix("0x"))
    return Artifact(content["abi"], content["bytecode"], deployed, places)


CONTRACTS: Final[tuple[ContractName, ...]] = (APPROVALS, CHECKPOINTS, REGISTRY, STATUS)
"""In the order in which they are created: each knows those before it by address."""

ARTIFACTS: Final[Mapping[ContractName, Artifact]] = {name: load_artifact(name) for name in CONTRACTS}
