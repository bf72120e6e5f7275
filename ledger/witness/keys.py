"""The witness's folder and its two keys, made together once.

The folder holds the keys (wrapped), the state and evidence of misbehaving logs; the
key-encryption key lies in a folder of its own, beside it unless told otherwise.
"""

from __future__ import annotations

from pathlib import Path

from crypto.kek import KekFolder
from crypto.keyring import WITNESS, KeyRing
from crypto.keys import ED25519, SGD_SM3_SM2
from kernel.clock import Clock
from ledger.errors import WitnessStateError
from ledger.formats.vkey import VerifierKey, kind_of
from ledger.witness.state import WitnessState, create_state

ALGS = (SGD_SM3_SM2, ED25519)


def create_witness(folder: Path, name: str, clock: Clock, *, kek_folder: Path | None = None) -> tuple[VerifierKey, ...]:
    """Make a witness's folder, or complete one that was begun; return its verifier keys.

    `name` names the keys, best as an address without its scheme: `witness.example.org/w1`.

    Raises:
        WitnessStateError: There are keys and no state: a witness that forgot must not sign again.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = key_ring(folder, clock, kek_folder=kek_folder)
    have = {key.alg for key in ring.public_keys(WITNESS, name)}
    create_state(folder, fresh=not have)
    for alg in ALGS:
        if alg not in have:
            ring.generate(WITNESS, name, alg)
    return verifier_keys(ring, name)


def key_ring(folder: Path, clock: Clock, *, kek_folder: Path | None = None) -> KeyRing:
    """Open the key ring of a witness's folder."""
    beside = folder.with_name(folder.name + "-kek")
    kek = KekFolder(kek_folder or beside, data_folder=folder).load_or_create("signing")
    return KeyRing(folder / "keys", kek, clock)


def verifier_keys(ring: KeyRing, name: str) -> tuple[VerifierKey, ...]:
    """Return the witness's keys, as verifiers and logs take them: SM2 first, then the oldest first."""
    keys = [VerifierKey(name, kind_of(key.alg, timestamped=True), key) for key in ring.public_keys(WITNESS, name)]
    return tuple(sorted(keys, key=lambda key: ALGS.index(key.kind.alg)))


def open_state(folder: Path) -> WitnessState:
    """Open the state of a witness that was created, for this process alone.

    Raises:
        WitnessStateError: There is none, it is damaged, or another process uses it.
    """
    if not (folder / "keys").is_dir():
        raise WitnessStateError("there is no witness in this folder: create one first")
    return WitnessState(folder)
