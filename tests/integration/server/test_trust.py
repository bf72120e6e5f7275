from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.encoding import from_b64u
from crypto.jose import SUITE_ALG
from crypto.jose_general import verify_general
from crypto.keyring import KeyRing
from crypto.keys import public_key
from crypto.signing import LocalSigner
from kernel.clock import ManualClock
from ledger.log import create_keys
from server.settings import Installation
from server.trust import LIFE, TYP, publish_trust
from xinji_client import trust as client
from xinji_client.errors import TrustError

INSTALLATION = Installation(base_url="http://localhost:8000")


@pytest.fixture
def signer(tmp_path: Path, clock: ManualClock) -> LocalSigner:
    signer = LocalSigner(KeyRing(tmp_path / "ring", b"k" * 32, clock), b"a" * 32)
    for alg in SUITE_ALG.values():
        signer.generate("federation", INSTALLATION.root_id, alg)
    return signer


def test_it_is_signed_in_both_suites_and_made_anew_only_when_due(
    tmp_path: Path, signer: LocalSigner, clock: ManualClock
) -> None:
    path = tmp_path / "trust.json"

    def publish(installation: Installation = INSTALLATION) -> int:
        payload = publish_trust(path, installation, signer, logs=[], chains=[], now=clock.now())
        return int(payload["version"])

    assert publish() == 1
    first = path.read_bytes()
    document = json.loads(first)
    roots = json.loads(from_b64u(document["payload"]))["roots"]
    keys = [public_key(jwk) for jwk in roots[0]["jwks"]["keys"]]
    _, signers = verify_general(document, keys, typ=TYP, algs=SUITE_ALG.values())
    assert {key.alg for key in signers} == set(SUITE_ALG.values())

    clock.move(LIFE / 2)
    assert publish() == 1
    assert path.read_bytes() == first, "nothing changed, so the file did not either"
    clock.move(LIFE / 2 - timedelta(days=30))
    assert publish() == 2, "it nears its end"
    assert publish(INSTALLATION.model_copy(update={"province": "410000", "base_url": "http://localhost:8001"})) == 3


def test_a_verifier_takes_it_and_its_successor(tmp_path: Path, signer: LocalSigner, clock: ManualClock) -> None:
    pinned, path = tmp_path / "pinned.json", tmp_path / "trust.json"
    vkeys = [str(key) for key in create_keys(signer, INSTALLATION.log_origin)]
    logs = [{"origin": INSTALLATION.log_origin, "hash": "sm3", "vkeys": vkeys}]
    publish_trust(path, INSTALLATION, signer, logs=logs, chains=[], now=clock.now())
    first = path.read_bytes()
    assert client.pin(pinned, first, now=clock.now()).version == 1
    publish_trust(path, INSTALLATION, signer, logs=logs, chains=[{"id": "new"}], now=clock.now())
    assert client.pin(pinned, path.read_bytes(), now=clock.now()).version == 2
    with pytest.raises(TrustError, match="never rolled back"):
        client.pin(pinned, first, now=clock.now())
