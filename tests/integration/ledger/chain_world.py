"""For tests: a contract on a chain in memory of this test's folder, with as many accounts as wanted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester
from eth_tester.exceptions import TransactionFailed
from eth_utils.abi import function_signature_to_4byte_selector
from web3 import EthereumTesterProvider, Web3

from ledger.chain.artifact import CHECKPOINT_ANCHOR
from ledger.chain.kv import SqliteStore
from ledger.chain.pyevm import StoredBackend

CHAIN_ID = 20_260_630


class Panel:
    """The contract with an administrator, a submitter, endorsers and a stranger."""

    def __init__(self, folder: Path, *, endorsers: int = 3, threshold: int = 2) -> None:
        self.store = SqliteStore(folder / "chain.sqlite3")
        keys = tuple(PrivateKey(bytes([0] * 31 + [number])) for number in range(1, endorsers + 4))
        accounts: list[LocalAccount] = [Account.from_key(key.to_bytes()) for key in keys]
        self.admin, self.submitter, self.stranger, *self.endorsers = accounts
        backend = StoredBackend(self.store, keys=keys, chain_id=CHAIN_ID, genesis_time=1_780_000_000)
        self.tester = EthereumTester(backend)
        self.provider = EthereumTesterProvider(self.tester)
        self.web3 = Web3(self.provider)
        factory = self.web3.eth.contract(abi=CHECKPOINT_ANCHOR.abi, bytecode=CHECKPOINT_ANCHOR.bytecode)
        addresses = [account.address for account in self.endorsers]
        creation = factory.constructor(self.admin.address, self.submitter.address, addresses, threshold)
        receipt = self.send(creation, self.admin, gas=2_500_000)
        assert receipt["status"] == 1
        self.contract = self.web3.eth.contract(address=receipt["contractAddress"], abi=CHECKPOINT_ANCHOR.abi)

    def send(self, call: Any, sender: LocalAccount, *, gas: int = 300_000) -> Any:
        """Mine a transaction and return its receipt."""
        fields = {
            "chainId": CHAIN_ID,
            "nonce": self.web3.eth.get_transaction_count(sender.address),
            "gas": gas,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 0,
        }
        signed = sender.sign_transaction(call.build_transaction(fields))
        return self.web3.eth.get_transaction_receipt(self.web3.eth.send_raw_transaction(signed.raw_transaction))

    def do(self, sender: LocalAccount, function: str, *args: Any) -> Any:
        """Call a function in a transaction that must succeed."""
        receipt = self.send(self.contract.functions[function](*args), sender)
        assert receipt["status"] == 1
        return receipt

    def ask(self, function: str, *args: Any) -> Any:
        return self.contract.functions[function](*args).call()

    def refusal(self, sender: LocalAccount, function: str, *args: Any) -> str:
        """Return the name of the error that a call ends with; the transaction must fail as well."""
        call = self.contract.functions[function](*args)
        try:
            call.call({"from": sender.address})
        except TransactionFailed as error:
            name = _name(str(error))
        else:
            raise AssertionError(f"{function} was not refused")
        assert self.send(call, sender)["status"] == 0
        return name

    def close(self) -> None:
        self.store.close()


def _name(text: str) -> str:
    """Find the contract's error by the selector in eth-tester's message."""
    raw = re.search(r"b(?:'|\")(.*)(?:'|\")", text)
    assert raw is not None, text
    data = raw[1].encode().decode("unicode_escape").encode("latin-1")
    for part in CHECKPOINT_ANCHOR.abi:
        if part["type"] == "error":
            signature = f"{part['name']}({','.join(value['type'] for value in part['inputs'])})"
            if function_signature_to_4byte_selector(signature) == data[:4]:
                return str(part["name"])
    raise AssertionError(text)
