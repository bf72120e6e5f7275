"""The trust file, as this verifier reads it: whom it believes before it has read anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from credentials.verification.findings import UnreadableError
from credentials.verification.reading import number, strict_json, text
from crypto.encoding import from_b64, from_b64u
from crypto.hashes import HASHES, Hash
from crypto.jose import SUITE_ALG
from crypto.jose_general import verify_general
from crypto.keys import PublicKey, public_key
from kernel.errors import XinjiError
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.merkle import TreeHead
from ledger.formats.vkey import LOG_KINDS, WITNESS_KINDS, VerifierKey, parse_vkey
from ledger.registry.chain import Root

FORMAT: Final = "xinji/trust/1"
TYP: Final = "xinji-trust+json"
CLOCK_SKEW: Final = timedelta(minutes=5)
HASH_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Log:
    """A log: its origin line, the hash of its tree, the keys that all sign its checkpoints, and its end if it has one.

    A larger tree than `final`, or another one of that size, proves that the log misbehaved.
    """

    origin: str
    hash: Hash
    keys: tuple[VerifierKey, ...]
    final: TreeHead | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust file that is in force."""

    version: int
    expires_at: datetime
    roots: tuple[Root, ...]
    logs: Mapping[str, Log]
    policy: WitnessPolicy


def open_trust(data: bytes | None, *, now: datetime) -> Trust | None:
    """Return the trust file in `data`, or None where it cannot be used.

    That is: there is none, it has another form, has expired or is of the future, or too few
    of its own roots have signed it. A report then says that nothing could be judged.
    """
    try:
        return None if data is None else _opened(data, now)
    except (XinjiError, KeyError, TypeError, ValueError):
        return None


def _opened(data: bytes, now: datetime) -> Trust:
    envelope = strict_json(data)
    roots = [_root(item) for item in _peeked(envelope)["roots"]]
    payload, signers = verify_general(
        envelope, [key for root in roots for key in root.keys], typ=TYP, algs=tuple(SUITE_ALG.values())
    )
    # A root counts once, however many of its keys have signed.
    signed = sum(1 for root in roots if set(root.keys) & set(signers))
    threshold = number(payload, "threshold")
    if payload.get("format") != FORMAT or not 1 <= threshold <= len(roots) or signed < threshold:
        raise UnreadableError("not a trust file, or not signed by enough of its roots")
    issued_at, expires_at = (datetime.fromisoformat(text(payload, name)) for name in ("issued_at", "expires_at"))
    if not issued_at - CLOCK_SKEW <= now < expires_at:
        raise UnreadableError("the trust file is not in force")
    return Trust(
        version=number(payload, "version"),
        expires_at=expires_at,
        roots=tuple(roots),
        logs=_logs(payload["logs"]),
        policy=_policy(payload["witness_policy"]),
    )


def _peeked(envelope: Any) -> dict[str, Any]:
    """Return the payload before its signatures are checked: the keys that check them stand in it."""
    payload = strict_json(from_b64u(envelope["payload"]))
    if not isinstance(payload, dict):
        raise UnreadableError("the payload is no object")
    return payload


def _root(item: Mapping[str, Any]) -> Root:
    return Root(text(item, "entity_id"), tuple(item["provinces"]), _keys(item["jwks"]))


def _keys(jwks: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    return tuple(public_key(jwk) for jwk in jwks["keys"])


def _logs(items: Sequence[Mapping[str, Any]]) -> dict[str, Log]:
    logs = {item["origin"]: _log(item) for item in items}
    if len(logs) < len(items):
        raise UnreadableError("a log stands twice")
    return logs


def _log(item: Mapping[str, Any]) -> Log:
    keys = tuple(parse_vkey(vkey) for vkey in item["vkeys"])
    if not keys or any(key.kind not in LOG_KINDS for key in keys):
        raise UnreadableError("a log is named with log keys")
    return Log(text(item, "origin"), HASHES[item["hash"]], keys, _final(item.get("final")))


def _final(part: Mapping[str, Any] | None) -> TreeHead | None:
    if part is None:
        return None
    root = from_b64(text(part, "root"))
    if len(root) != HASH_SIZE:
        raise UnreadableError("the root of a final checkpoint has another length")
    return TreeHead(number(part, "size"), root)


def _policy(part: Mapping[str, Any]) -> WitnessPolicy:
    organisations = tuple(
        Organisation(text(item, "organisation"), tuple(parse_vkey(vkey) for vkey in item["vkeys"]))
        for item in part["witnesses"]
    )
    if any(key.kind not in WITNESS_KINDS for organisation in organisations for key in organisation.keys):
        raise UnreadableError("a witness is named with witness keys")
    return WitnessPolicy(number(part, "quorum"), organisations)
