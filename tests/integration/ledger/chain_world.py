"""For tests: our contracts on a chain, with a panel of three, endorsers, issuers' keys and a stranger.

`Ground` is the chain underneath: here one in memory of the test's folder. Another with the same
members (a network of validators) runs the same tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester
from eth_tester.exceptions import TransactionFailed
from eth_utils.abi import function_signature_to_4byte_selector
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import ContractCustomError, ContractLogicError

from ledger.chain.artifact import ARTIFACTS, CONTRACTS
from ledger.chain.base import APPROVALS, CHECKPOINTS, REGISTRY, STATUS, ContractName
from ledger.chain.kv import SqliteStore
from ledger.chain.pyevm import StoredBackend

CHAIN_ID = 20_260_630
BEGIN = 1_780_000_000
ACCOUNTS = 14
LIFETIME = 20
DELAY = 3
NEVER = 2**64 - 1


class Ground(Protocol):
    """A chain that takes transactions of funded accounts."""

    @property
    def web3(self) -> Web3: ...
    @property
    def chain_id(self) -> int: ...
    @property
    def accounts(self) -> Sequence[LocalAccount]: ...
    def fees(self) -> dict[str, int]: ...
    def mined(self, tx_hash: bytes) -> Any:
        """Return the receipt, waiting for it if need be."""
        ...

    def pass_blocks(self, count: int) -> None: ...


class MemoryGround:
    """The embedded engine's own pieces, without its lock and thread."""

    chain_id = CHAIN_ID

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "chain.sqlite3")
        keys = tuple(PrivateKey(bytes([0] * 31 + [number])) for number in range(1, ACCOUNTS + 1))
        self.accounts: Sequence[LocalAccount] = [Account.from_key(key.to_bytes()) for key in keys]
        self.backend = StoredBackend(self.store, keys=keys, chain_id=CHAIN_ID, genesis_time=BEGIN)
        self.tester = EthereumTester(self.backend)
        self.provider = EthereumTesterProvider(self.tester)
        self.web3 = Web3(self.provider)

    def fees(self) -> dict[str, int]:
        return {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 0}

    def mined(self, tx_hash: bytes) -> Any:
        return self.web3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]

    def pass_blocks(self, count: int) -> None:
        self.tester.mine_blocks(count)

    def set_time(self, seconds: int) -> None:
        """Let the next block be of this time."""
        self.backend.set_time(seconds)

    def close(self) -> None:
        self.store.close()


@dataclass
class Proposal:
    id: bytes
    execute: Callable[[], Any]


class ChainWorld:
    """All four contracts. Nobody here has more than one part to play."""

    def __init__(self, ground: Ground, *, endorsers: int = 3, endorser_threshold: int = 2) -> None:
        self.ground, self.web3 = ground, ground.web3
        accounts = list(ground.accounts)
        self.members = accounts[0:3]
        self.submitter, self.registrar, self.city, self.school, self.publisher, self.stranger, self.thief = accounts[
            3:10
        ]
        self.endorsers = accounts[10 : 10 + endorsers]
        self.contracts: dict[ContractName, Any] = {}
        self.salt = 0
        self.gas: dict[str, list[int]] = {}
        members = [member.address for member in self.members]
        self._create(APPROVALS, members, 2, LIFETIME)
        approvals = self.address(APPROVALS)
        self._create(CHECKPOINTS, approvals, [one.address for one in self.endorsers], endorser_threshold)
        self._create(REGISTRY, approvals, 1, DELAY)
        self._create(STATUS, approvals, self.address(REGISTRY))

    def address(self, contract: ContractName) -> str:
        return str(self.contracts[contract].address)

    def now(self) -> int:
        return int(self.ask(REGISTRY, "chainTime"))

    def send(self, call: Any, sender: LocalAccount, *, gas: int = 1_500_000) -> Any:
        """Mine a transaction and return its receipt."""
        fields = {
            "chainId": self.ground.chain_id,
            "nonce": self.web3.eth.get_transaction_count(sender.address),
            "gas": gas,
            **self.ground.fees(),
        }
        signed = sender.sign_transaction(call.build_transaction(fields))
        return self.ground.mined(self.web3.eth.send_raw_transaction(signed.raw_transaction))

    def do(self, sender: LocalAccount, contract: ContractName, function: str, *args: Any) -> Any:
        """Call a function in a transaction that must succeed."""
        receipt = self.send(self.contracts[contract].functions[function](*args), sender)
        assert receipt["status"] == 1, function
        self.gas.setdefault(f"{contract}.{function}", []).append(receipt["gasUsed"])
        return receipt

    def ask(self, contract: ContractName, function: str, *args: Any) -> Any:
        return self.contracts[contract].functions[function](*args).call()

    def refusal(self, sender: LocalAccount, contract: ContractName, function: str, *args: Any) -> str:
        """Return the name of the error that a call ends with; the transaction must fail as well."""
        call = self.contracts[contract].functions[function](*args)
        try:
            call.call({"from": sender.address})
        except (TransactionFailed, ContractCustomError, ContractLogicError) as error:
            name = _name(str(error))
        else:
            raise AssertionError(f"{function} was not refused")
        assert self.send(call, sender)["status"] == 0
        return name

    def propose(self, contract: ContractName, function: str, *args: Any) -> bytes:
        """Let the first member propose a call; return the proposal's id."""
        target, data = self.address(contract), self.contracts[contract].encode_abi(function, args=list(args))
        self.salt += 1
        salt = self.salt.to_bytes(32, "big")
        self.do(self.members[0], APPROVALS, "propose", target, data, salt)
        return bytes(self.ask(APPROVALS, "proposalId", target, data, salt))

    def decide(self, contract: ContractName, function: str, *args: Any) -> Any:
        """Let the panel make a call that must succeed."""
        proposal = self.propose(contract, function, *args)
        self.do(self.members[1], APPROVALS, "approve", proposal)
        receipt = self.do(self.members[0], APPROVALS, "execute", proposal)
        self.gas.setdefault(f"{contract}.{function}", []).append(receipt["gasUsed"])
        return receipt

    def refused_decision(self, contract: ContractName, function: str, *args: Any) -> str:
        """Return the error with which a call ends that the panel has approved."""
        proposal = self.propose(contract, function, *args)
        self.do(self.members[1], APPROVALS, "approve", proposal)
        return self.refusal(self.members[0], APPROVALS, "execute", proposal)

    def _create(self, contract: ContractName, *args: Any) -> None:
        artifact = ARTIFACTS[contract]
        factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        receipt = self.send(factory.constructor(*args), self.members[0], gas=5_000_000)
        assert receipt["status"] == 1
        self.gas.setdefault(f"{contract} (creation)", []).append(receipt["gasUsed"])
        self.contracts[contract] = self.web3.eth.contract(address=receipt["contractAddress"], abi=artifact.abi)


def _selectors() -> dict[bytes, str]:
    found = {}
    for contract in CONTRACTS:
        for part in ARTIFACTS[contract].abi:
            if part["type"] == "error":
                signature = f"{part['name']}({','.join(value['type'] for value in part['inputs'])})"
                found[function_signature_to_4byte_selector(signature)] = str(part["name"])
    return found


def _name(text: str) -> str:
    """Find the contract's error by the selector in the message of eth-tester, or of a node."""
    raw = re.search(r"b(?:'|\")(.*)(?:'|\")", text)
    if raw is not None:
        data = raw[1].encode().decode("unicode_escape").encode("latin-1")
    else:
        found = re.search(r"0x([0-9a-f]{8,})", text)
        assert found is not None, text
        data = bytes.fromhex(found[1][:8])
    assert data[:4] in _selectors(), text
    return _selectors()[data[:4]]


PROVINCE, CITY, COUNTY, SCHOOL, SERVICE = b"0000410000", b"0000410100", b"0000410102", b"3141010459", b"S000410000"
LEVEL = {PROVINCE: 2, CITY: 3, COUNTY: 4, SCHOOL: 5, SERVICE: 6}


def digest(number: int) -> bytes:
    return bytes([0xD0]) + number.to_bytes(31, "big")


def issuer(
    code: bytes,
    parent: bytes,
    controller: LocalAccount,
    *,
    level: int | None = None,
    key_digest: bytes | None = None,
    accreditation: bytes | None = None,
    valid_from: int = 0,
    valid_to: int = NEVER,
) -> tuple[Any, ...]:
    """Return the struct `NewIssuer`; digests follow from the code unless given."""
    made = int.from_bytes(code, "big")
    return (
        code,
        parent,
        LEVEL[code] if level is None else level,
        controller.address,
        key_digest or digest(made),
        accreditation or digest(made + 1),
        valid_from,
        valid_to,
    )


def add_province(world: ChainWorld, *, key_digest: bytes | None = None) -> None:
    made = issuer(PROVINCE, b"0000000000", world.registrar, key_digest=key_digest)
    world.decide(REGISTRY, "addIssuer", made)


def add_tree(world: ChainWorld) -> None:
    """Let province, city, county, school and status service be accredited, each by the one above."""
    add_province(world)
    world.do(world.registrar, REGISTRY, "addIssuer", issuer(CITY, PROVINCE, world.city))
    world.do(world.city, REGISTRY, "addIssuer", issuer(COUNTY, CITY, world.city))
    world.do(world.city, REGISTRY, "addIssuer", issuer(SCHOOL, COUNTY, world.school))
    world.do(world.registrar, REGISTRY, "addIssuer", issuer(SERVICE, PROVINCE, world.publisher))
