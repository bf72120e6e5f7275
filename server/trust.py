"""The trust file that verifiers pin: roots, logs, witnesses, chains; versioned, expiring, signed.

It is made anew only when what it says changes, or when two thirds of its life have passed;
its version then grows by one. Signatures are JWS General JSON (RFC 7515 §7.2.1) by keys of the
root that sign nothing else, one a suite; its federation keys stand beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crypto.encoding import from_b64u
from crypto.jose import SUITE_ALG, jwks, signing_input
from crypto.jose_general import assemble_general
from crypto.signing import Signer
from server.settings import Installation

FORMAT: Final = "xinji/trust/1"
TYP: Final = "xinji-trust+json"
LIFE: Final = timedelta(days=365)
RENEW_BEFORE: Final = LIFE / 3


def publish_trust(
    path: Path,
    installation: Installation,
    signer: Signer,
    *,
    logs: Sequence[Mapping[str, Any]],
    chains: Sequence[Mapping[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """Return what the trust file at `path` says, after writing a new version of it where one is due.

    `logs`: a shard each, the oldest first: `origin`, `hash`, `vkeys` and, once it is frozen, `final`: size and root
    of its last checkpoint. A larger checkpoint of that log, or another of that size, proves misbehaviour.
    """
    root = installation.root_id
    for alg in SUITE_ALG.values():
        signer.generate("trust", root, alg)
    says = {
        "threshold": 1,
        "roots": [
            {
                "entity_id": root,
                "provinces": [installation.province_digits],
                "jwks": jwks((*signer.public_keys("federation", root), *signer.public_keys("trust", root))),
            }
        ],
        "logs": [dict(log) for log in logs],
        "witness_policy": {
            "quorum": installation.quorum,
            "witnesses": [
                {"organisation": witness.organisation, "vkeys": witness.vkeys} for witness in installation.witnesses
            ],
        },
        "chains": [dict(chain) for chain in chains],
        "verifier_host": installation.host,
    }
    old = read_trust(path)
    if old is not None and _still_good(old, says, now):
        return old
    payload = {
        "format": FORMAT,
        "version": 1 if old is None else int(old["version"]) + 1,
        "issued_at": _text(now),
        "expires_at": _text(now + LIFE),
        **says,
    }
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(_signed(payload, signer, root), indent=1) + "\n", "utf-8")
    draft.replace(path)
    return payload


def read_trust(path: Path) -> dict[str, Any] | None:
    """Return the payload of our own trust file, or None where there is none yet."""
    if not path.exists():
        return None
    payload: dict[str, Any] = json.loads(from_b64u(json.loads(path.read_text("utf-8"))["payload"]))
    return payload


def _still_good(old: Mapping[str, Any], says: Mapping[str, Any], now: datetime) -> bool:
    same = all(old.get(name) == value for name, value in says.items())
    return same and datetime.fromisoformat(old["expires_at"]) - now > RENEW_BEFORE


def _signed(payload: Mapping[str, Any], signer: Signer, root: str) -> dict[str, Any]:
    signed = []
    for alg in SUITE_ALG.values():
        key = signer.active_key("trust", root, alg)
        message = signing_input(payload, typ=TYP, alg=alg, key_id=key.key_id)
        signed.append((message, signer.sign_many("trust", root, alg, [message])[0]))
    return assemble_general(signed)


def _text(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
