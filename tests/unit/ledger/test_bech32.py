from __future__ import annotations

import pytest

from ledger.chain.devnet.bech32 import bech32


@pytest.mark.parametrize(
    ("prefix", "data", "text"),
    [
        # What the chain's own program writes: `injectived keys parse`, `injectived init`.
        ("inj", "0102030405060708090a0b0c0d0e0f1011121314", "inj1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc54tm65y"),
        ("injvaloper", "0102030405060708090a0b0c0d0e0f1011121314", "injvaloper1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5zdwl4q"),
        # BIP-173, "Test vectors", valid Bech32: an empty data part, and one whose data are whole bytes.
        ("a", "", "a12uel5l"),
        ("abcdef", "00443214c74254b635cf84653a56d7c675be77df", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"),
    ],
)
def test_it_is_written_as_the_standard_has_it(prefix: str, data: str, text: str) -> None:
    assert bech32(prefix, bytes.fromhex(data)) == text
