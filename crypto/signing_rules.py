"""What a signer signs: rules on bytes, without keys and without state.

One key, one purpose: each purpose has its algorithms, its forms of message and its names. A
signer that follows these rules cannot be talked into signing a credential with a federation
key, another school's credential, or a note that another log would own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crypto.approvals import Approval, digest_of
from crypto.errors import InvalidTokenError, SigningRefusedError
from crypto.hashes import equal
from crypto.jose import MAX_TOKEN, peek_input
from crypto.keyring import CREDENTIAL, FEDERATION, LOG, STATUS, TRUST, KeyRecord
from crypto.keys import EDDSA, ES256, SGD_SM3_SM2

ALGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CREDENTIAL: frozenset({SGD_SM3_SM2, ES256}),
        FEDERATION: frozenset({SGD_SM3_SM2, ES256}),
        STATUS: frozenset({SGD_SM3_SM2, ES256}),
        TRUST: frozenset({SGD_SM3_SM2, ES256}),
        LOG: frozenset({SGD_SM3_SM2, EDDSA}),
    }
)
TYPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CREDENTIAL: frozenset({"dc+sd-jwt"}),
        FEDERATION: frozenset({"entity-statement+jwt", "xinji-statement-status+jwt"}),
        STATUS: frozenset({"statuslist+jwt", "xinji-status-statement+jwt"}),
        TRUST: frozenset({"xinji-trust+json"}),
    }
)
TRUST_FORMAT = "xinji/trust/1"
MAX_BATCH = 200_000


@dataclass(frozen=True, slots=True)
class Batch:
    """An opened batch: what was approved, and the ids it was approved for."""

    approval: Approval
    item_ids: frozenset[str]


def check_alg(purpose: str, alg: str) -> None:
    """Raise `SigningRefusedError` unless keys of `purpose` live in a signer and may use `alg`."""
    if purpose not in ALGS:
        raise SigningRefusedError(f"no {purpose} keys are held here", reason="purpose")
    if alg not in ALGS[purpose]:
        raise SigningRefusedError(f"{purpose} keys do not sign with {alg}", reason="alg")


def checked_batch(approval: Approval, item_ids: list[str], approval_key: bytes) -> Batch:
    """Return the batch that `approval` allows, or raise `SigningRefusedError`. Its time is checked when it is used."""
    if not equal(approval.mac.encode(), approval.expected_mac(approval_key).encode()):
        raise SigningRefusedError("the approval is not ours", reason="approval_forged")
    if len(item_ids) > MAX_BATCH:
        raise SigningRefusedError(f"a batch has at most {MAX_BATCH} items", reason="batch_too_large")
    unique = frozenset(item_ids)
    if len(unique) != len(item_ids) or len(item_ids) != approval.count or digest_of(item_ids) != approval.digest:
        raise SigningRefusedError("the approval is of other items", reason="batch_items")
    return Batch(approval, unique)


def check_message(message: bytes, key: KeyRecord, batch: Batch | None) -> None:
    """Raise `SigningRefusedError` unless `key` may sign `message` (a credential: within `batch`)."""
    if len(message) > MAX_TOKEN:
        raise SigningRefusedError("the message is too long", reason="size")
    if key.purpose == LOG:
        # A note begins with its log's origin line, and a JWT has no line: neither passes for the other.
        if not message.startswith(key.owner.encode() + b"\n"):
            raise SigningRefusedError("the note is not of this log", reason="origin")
        return
    _check_token(message, key, batch)


def _check_token(message: bytes, key: KeyRecord, batch: Batch | None) -> None:
    try:
        header, payload = peek_input(message)
    except InvalidTokenError as error:
        raise SigningRefusedError(f"not a signing input: {error}", reason="form") from error
    if header.keys() != {"alg", "kid", "typ"} or header["alg"] != key.alg or header["kid"] != key.key_id:
        raise SigningRefusedError("the header does not name this key", reason="key")
    if header["typ"] not in TYPES[key.purpose]:
        raise SigningRefusedError(f"a {key.purpose} key does not sign this typ", reason="typ")
    if key.purpose == TRUST:
        if payload.get("format") != TRUST_FORMAT:
            raise SigningRefusedError("this is not a trust file", reason="form")
        return
    if payload.get("iss") != key.owner:
        raise SigningRefusedError("the issuer is not the key's owner", reason="issuer")
    if key.purpose == CREDENTIAL:
        _check_credential(payload, key, batch)


def _check_credential(payload: Mapping[str, object], key: KeyRecord, batch: Batch | None) -> None:
    if batch is None or batch.approval.owner != key.owner:
        raise SigningRefusedError("no batch of this issuer is open", reason="batch")
    if payload.get("vct") != batch.approval.vct:
        raise SigningRefusedError("the batch was approved for another type", reason="vct")
    jti = payload.get("jti")
    if not isinstance(jti, str) or jti not in batch.item_ids:
        raise SigningRefusedError("this credential is not in the batch", reason="item")
