"""Other keys for the province's status service: announced, accredited, published, and only then used.

The old keys sign until the log has published that the new ones are accredited, so there is at no moment
a list that nobody can check. Whoever asks works on the key ring itself: the signer signs, and changes no keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from credentials.accreditation import is_status_service
from credentials.issuer_keys import STATUS_KEYS
from credentials.ports import CredentialServices
from crypto.jose import SUITE_ALG
from crypto.keyring import NEXT, KeyRing
from crypto.keys import PublicKey
from kernel import audit


class Stage(StrEnum):
    """How far a rotation is."""

    ANNOUNCED = "announced"
    WAITING = "waiting"
    ROTATED = "rotated"


def rotate(by: CredentialServices, ring: KeyRing, *, at_once: bool = False) -> Stage:
    """Bring the rotation one step further: repeat until it says *rotated*. Safe to end anywhere.

    With `at_once` the new keys sign now, for one that fell into other hands. Until their accreditation is
    published, bundles carry the last list before them.

    Raises:
        UnknownKeyError: The service has no keys yet.
    """
    owner = by.addresses.status_service
    ahead = {key.alg: key for key in ring.public_keys(STATUS_KEYS, owner, states=(NEXT,))}
    # Keys are announced and put to use in the same order: where the first is not ahead and another is,
    # a rotation ended between the two.
    first, *_ = SUITE_ALG.values()
    unannounced = [alg for alg in SUITE_ALG.values() if alg not in ahead]
    if unannounced and (first in ahead or not ahead) and not at_once:
        for alg in unannounced:
            ring.active_record(STATUS_KEYS, owner, alg)
            _tell(by, "key.publish", [ring.generate(STATUS_KEYS, owner, alg, NEXT)])
        return Stage.ANNOUNCED
    signing = {alg: ahead.get(alg) or ring.active_record(STATUS_KEYS, owner, alg).public for alg in SUITE_ALG.values()}
    if not at_once and not is_status_service(by, {key.key_id for key in signing.values()}):
        return Stage.WAITING
    for alg in SUITE_ALG.values() if at_once else ahead:
        _tell(by, "key.rotate", [ring.rotate(STATUS_KEYS, owner, alg)])
    return Stage.ROTATED


def _tell(by: CredentialServices, action: str, keys: Iterable[PublicKey]) -> None:
    with by.database.write() as session:
        for key in keys:
            audit.record(session, at=by.clock.now(), action=action, subject=key.key_id, alg=key.alg, reason="by_hand")
