"""The trust file: whom this verifier believes. Pinned, signed by k of n roots, never rolled back.

A JWS in general JSON form (RFC 7515 §7.2.1) whose payload names roots, logs, witnesses and
chains. A first file is taken on somebody's word, once; every later one must be signed by
the roots of the file it replaces and by its own.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xinji_client.encoding import from_b64, from_b64u, strict_json
from xinji_client.errors import EngineMissingError, FormatError, SignatureError, TrustError
from xinji_client.hashes import HASHES, Hash
from xinji_client.jws import integer_of, text_of, texts_of
from xinji_client.keys import Key, keys
from xinji_client.merkle import verify_inclusion
from xinji_client.note import Checkpoint, NoteKey, vkey

FORMAT = "xinji/trust/1"
TYP = "xinji-trust+json"
MAX_BYTES = 1 << 20
MAX_MEMBERS = 256
_ROOT_BYTES = 32
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


@dataclass(frozen=True, slots=True)
class Root:
    """A province's authority, the province digits it answers for, and its federation keys."""

    entity_id: str
    provinces: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Final:
    """Where a log that was closed ended."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """A log by its origin line, the hash of its tree, and every key that must have signed a checkpoint.

    `final`, where the log was closed: it has no larger tree, and none of that size with another root.
    """

    origin: str
    hash: Hash
    keys: tuple[NoteKey, ...]
    final: Final | None = None

    def outlives_itself(self, head: Checkpoint) -> bool:
        """Whether `head`, well signed, proves that the log went on, or was written anew, after it was closed."""
        end = self.final
        return end is not None and (head.size > end.size or (head.size == end.size and head.root != end.root))


@dataclass(frozen=True, slots=True)
class Tree:
    """The head that a checkpoint names, with the hash of the log it belongs to."""

    hash: Hash
    checkpoint: Checkpoint

    def verify(self, entry: bytes, index: int, path: Sequence[bytes]) -> None:
        """Check that `entry` stands at `index`.

        Raises:
            ProofError: It does not.
        """
        verify_inclusion(self.hash, entry, index=index, path=path, size=self.checkpoint.size, root=self.checkpoint.root)


@dataclass(frozen=True, slots=True)
class Trust:
    """A readable, properly signed trust file. It may have expired: `verify` says so in its report.

    `witnesses` maps an organisation to all its keys; an organisation counts once.
    """

    version: int
    issued_at: datetime
    expires_at: datetime
    threshold: int
    roots: tuple[Root, ...]
    logs: tuple[Log, ...]
    quorum: int
    witnesses: Mapping[str, tuple[NoteKey, ...]]
    chains: tuple[Mapping[str, Any], ...]
    verifier_host: str
    raw: bytes

    def log(self, origin: object) -> Log | None:
        """Return the log of that origin, None where the file does not name it."""
        return next((log for log in self.logs if log.origin == origin), None)


def load(data: bytes | str) -> Trust:
    """Read a trust file and check that enough of its own roots signed it.

    Raises:
        TrustError: Not the form, or too few signatures.
    """
    raw = data.encode() if isinstance(data, str) else data
    try:
        envelope, payload = _envelope(raw)
        trust = _payload(payload, raw)
    except FormatError as error:
        raise TrustError(f"the trust file cannot be read: {error}") from error
    _check_signed_by(envelope, trust.roots, trust.threshold)
    return trust


def read_pinned(path: Path) -> Trust:
    """Load the trust file that lies at `path`.

    Raises:
        TrustError: It cannot be opened, or as for `load`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TrustError(f"{path} is too large for a trust file")
        return load(path.read_bytes())
    except OSError as error:
        raise TrustError(f"the trust file {path} cannot be opened: {error.strerror}") from error


def pin(path: Path, data: bytes, *, now: datetime) -> Trust:
    """Make `data` the trust file at `path`: as the first one, or in place of an older version.

    Raises:
        TrustError: It is unreadable or expired, or it may not replace what is pinned.
    """
    new = load(data)
    if new.expires_at <= now:
        raise TrustError(f"version {new.version} expired on {new.expires_at:%Y-%m-%d}")
    if path.exists():
        old = read_pinned(path)
        if _signed_text(old.raw) == _signed_text(new.raw):
            return old  # The same file, perhaps with other spaces or more signatures.
        check_update(old, new)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(new.raw)
    Path(draft.name).replace(path)  # A reader sees the old file or the new one, never half of one.
    return new


def check_update(old: Trust, new: Trust) -> None:
    """Check that `new` may take the place of `old`. That its own roots signed it was checked by `load`.

    Raises:
        TrustError: Its version is not higher, or too few of the old file's roots signed it.
    """
    if new.version <= old.version:
        raise TrustError(
            f"version {new.version} may not replace version {old.version}: a trust file is never rolled back"
        )
    envelope, _ = _envelope(new.raw)
    _check_signed_by(envelope, old.roots, old.threshold)


@dataclass(frozen=True, slots=True)
class _Signature:
    alg: str
    key_id: str
    signature: bytes
    signing_input: bytes


def _envelope(raw: bytes) -> tuple[tuple[_Signature, ...], dict[str, Any]]:
    if len(raw) > MAX_BYTES:
        raise FormatError("more than 1 MiB")
    envelope = strict_json(raw)
    signatures = envelope.get("signatures") if isinstance(envelope, dict) else None
    if not isinstance(signatures, list) or len(signatures) > MAX_MEMBERS:
        raise FormatError("not a JWS in general JSON form")
    encoded = text_of(envelope, "payload")
    payload = strict_json(from_b64u(encoded))
    if not isinstance(payload, dict):
        raise FormatError("the payload must be an object")
    return tuple(_signature(item, encoded) for item in signatures), payload


def _signed_text(raw: bytes) -> str:
    return text_of(strict_json(raw), "payload")


def _signature(item: Any, encoded: str) -> _Signature:
    if not isinstance(item, dict) or "header" in item:
        raise FormatError("a signature has a protected header and nothing beside it")
    protected = text_of(item, "protected")
    header = strict_json(from_b64u(protected))
    if not isinstance(header, dict) or header.get("typ") != TYP or "crit" in header:
        raise FormatError(f"typ must be {TYP}")
    return _Signature(
        alg=text_of(header, "alg"),
        key_id=text_of(header, "kid"),
        signature=from_b64u(item.get("signature")),
        signing_input=f"{protected}.{encoded}".encode("ascii"),
    )


def _check_signed_by(signatures: Sequence[_Signature], roots: Sequence[Root], threshold: int) -> None:
    """Check that `threshold` of `roots` signed; a root counts once, however many keys it has."""
    signed = set()
    for root in roots:
        for key in root.keys:
            for made in signatures:
                if (made.key_id, made.alg) == (key.key_id, key.alg) and _fits(key, made):
                    signed.add(root.entity_id)
    if len(signed) < threshold:
        raise TrustError(
            f"the trust file needs the signatures of {threshold} of {len(roots)} roots and has {len(signed)}"
        )


def _fits(key: Key, made: _Signature) -> bool:
    try:
        key.verify(made.signature, made.signing_input)
    except SignatureError as error:
        raise TrustError(f"a signature of the trust file by {key.key_id} is wrong: {error}") from error
    except EngineMissingError:
        return False
    return True


def _payload(payload: dict[str, Any], raw: bytes) -> Trust:
    if payload.get("format") != FORMAT:
        raise FormatError(f"format must be {FORMAT}")
    roots = tuple(_root(item) for item in _objects(payload, "roots"))
    logs = tuple(_log(item) for item in _objects(payload, "logs"))
    threshold = integer_of(payload, "threshold")
    if not 0 < threshold <= len(roots) or not _all_different(root.entity_id for root in roots):
        raise FormatError("the threshold must be 1 to the number of (different) roots")
    if not _all_different(log.origin for log in logs):
        raise FormatError("a log stands twice")
    policy = payload.get("witness_policy")
    if not isinstance(policy, dict):
        raise FormatError("witness_policy must be an object")
    witnesses = _witnesses(_objects(policy, "witnesses"))
    quorum = integer_of(policy, "quorum")
    if (quorum == 0) != (not witnesses) or quorum > len(witnesses):
        raise FormatError("the quorum must be 1 to the number of organisations, and 0 only where there are none")
    return Trust(
        version=integer_of(payload, "version"),
        issued_at=_time(payload, "issued_at"),
        expires_at=_time(payload, "expires_at"),
        threshold=threshold,
        roots=roots,
        logs=logs,
        quorum=quorum,
        witnesses=witnesses,
        chains=tuple(_objects(payload, "chains")),
        verifier_host=text_of(payload, "verifier_host"),
        raw=raw,
    )


def _root(item: dict[str, Any]) -> Root:
    root = Root(text_of(item, "entity_id"), tuple(texts_of(item, "provinces")), keys(item.get("jwks")))
    if not root.keys:
        raise FormatError("a root has keys")
    return root


def _log(item: dict[str, Any]) -> Log:
    name = text_of(item, "hash")
    if name not in HASHES:
        raise FormatError(f"{name} is no hash of a log")
    log_keys = tuple(vkey(text) for text in texts_of(item, "vkeys"))
    if not log_keys or not all(key.is_log for key in log_keys):
        raise FormatError("a log has keys, and all of them are log keys")
    return Log(text_of(item, "origin"), HASHES[name], log_keys, _final(item.get("final")))


def _final(part: Any) -> Final | None:
    if part is None:
        return None
    if not isinstance(part, dict):
        raise FormatError("final is the size and the root of the last checkpoint")
    root = from_b64(part.get("root"))
    if len(root) != _ROOT_BYTES:
        raise FormatError("the root of final has 32 bytes")
    return Final(integer_of(part, "size"), root)


def _witnesses(items: Sequence[dict[str, Any]]) -> dict[str, tuple[NoteKey, ...]]:
    witnesses: dict[str, tuple[NoteKey, ...]] = {}
    for item in items:
        organisation = text_of(item, "organisation")
        if organisation in witnesses:
            raise FormatError("an organisation stands twice")
        witnesses[organisation] = tuple(vkey(text) for text in texts_of(item, "vkeys"))
        if not witnesses[organisation] or any(key.is_log for key in witnesses[organisation]):
            raise FormatError("a witness has keys, and all of them are witness keys")
    points = [key.public for own in witnesses.values() for key in own]
    if not _all_different(points):
        raise FormatError("a witness key stands twice")
    return witnesses


def _objects(part: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = part.get(name)
    if not isinstance(items, list) or len(items) > MAX_MEMBERS or not all(isinstance(item, dict) for item in items):
        raise FormatError(f"{name} must be a list of objects")
    return items


def _all_different(items: Any) -> bool:
    listed: Collection[Any] = list(items)
    return len(set(listed)) == len(listed)


def _time(payload: dict[str, Any], name: str) -> datetime:
    text = text_of(payload, name)
    try:
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise FormatError(f"{name} must be a time such as 2026-06-30T06:03:00Z")
    return moment.astimezone(UTC)
