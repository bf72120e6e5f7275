"""Key pairs in a folder: one JSON file per key, its private part wrapped under a key-encryption key.

Invariants:

- One key, one purpose: purpose, owner and algorithm are part of what the wrapping seals, so a
  file edited to another purpose no longer opens.
- At most one key of a purpose, owner and algorithm signs: the active one that was made last.
- A file is replaced as a whole (written aside, synced, renamed) under the folder's lock, so
  that two processes may share the folder. A reader looks at the folder's time, and reads all
  of it again, under the lock, if that has changed: each change makes it grow.
- States go one way: next → active → retired → destroyed. A destroyed key keeps its file, for
  its public part and its name; its wrapped part is gone.

Knows no signatures' meaning: who may sign what is `crypto.signing_rules`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from crypto import sm4
from crypto.canonical import canonical_json
from crypto.encoding import b64u, from_b64u
from crypto.envelope import bound
from crypto.errors import KeyCustodyError, KeyStateError, UnknownKeyError
from crypto.hashes import hkdf_expand_sm3, hkdf_extract_sm3
from crypto.keys import PrivateKey, PublicKey, generate_key, public_key
from kernel.clock import Clock

CREDENTIAL = "credential"
FEDERATION = "federation"
STATUS = "status"
LOG = "log"
TRUST = "trust"
OIDC = "oidc"
WITNESS = "witness"
PURPOSES = frozenset({CREDENTIAL, FEDERATION, STATUS, LOG, TRUST, OIDC, WITNESS})

NEXT = "next"
ACTIVE = "active"
RETIRED = "retired"
DESTROYED = "destroyed"
STATES = frozenset({NEXT, ACTIVE, RETIRED, DESTROYED})
PUBLISHED = (NEXT, ACTIVE, RETIRED)

_MAX_FILE = 64 * 1024


@dataclass(frozen=True)
class KeyRecord:
    """One key as its file tells it. `wrapped` is empty once the key is destroyed."""

    key_id: str
    purpose: str
    owner: str
    alg: str
    state: str
    created_at: datetime
    since: datetime
    """When the key came into its state."""
    jwk: Mapping[str, str]
    wrapped: bytes

    @cached_property
    def public(self) -> PublicKey:
        """The public key, read strictly on first use."""
        return public_key(self.jwk)

    def seal_aad(self) -> bytes:
        """Return what the wrapped part is bound to."""
        return bound("xinji/keyring/1", self.key_id, self.purpose, self.owner, self.alg)

    def to_json(self) -> bytes:
        """Return the file's content."""
        return canonical_json(
            {
                "key_id": self.key_id,
                "purpose": self.purpose,
                "owner": self.owner,
                "alg": self.alg,
                "state": self.state,
                "created_at": self.created_at.isoformat(),
                "since": self.since.isoformat(),
                "jwk": dict(self.jwk),
                "wrapped": b64u(self.wrapped),
            }
        )

    @classmethod
    def from_file(cls, path: Path) -> KeyRecord:
        """Read a key file or raise `KeyCustodyError`: a ring with a damaged file must not look whole."""
        try:
            with path.open("rb") as file:
                value: dict[str, Any] = json.loads(file.read(_MAX_FILE))
            record = cls(
                **{name: value[name] for name in ("key_id", "purpose", "owner", "alg", "state", "jwk")},
                created_at=datetime.fromisoformat(value["created_at"]),
                since=datetime.fromisoformat(value.get("since", value["created_at"])),  # Older files have no `since`.
                wrapped=from_b64u(value["wrapped"]),
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise KeyCustodyError(f"the key file {path.name} is damaged") from error
        known = record.purpose in PURPOSES and record.state in STATES
        if not known or record.key_id != path.stem or record.jwk.get("kid") != record.key_id:
            raise KeyCustodyError(f"the key file {path.name} does not name itself")
        return record


class KeyRing:
    """The keys of one folder. Safe to share between threads; several processes may open one folder."""

    def __init__(self, folder: Path, kek: bytes, clock: Clock) -> None:
        """Open `folder`, creating it, with the key-encryption key `kek`."""
        self._folder = folder
        self.clock = clock
        self._wrapping = hkdf_expand_sm3(hkdf_extract_sm3(b"xinji/keyring/1", kek), b"wrapping", sm4.KEY_SIZE)
        self._lock = threading.Lock()
        self._records: dict[str, KeyRecord] = {}
        self._by_owner: dict[tuple[str, str], tuple[KeyRecord, ...]] = {}
        self._private: dict[str, PrivateKey] = {}
        self._read_at = -1
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def generate(self, purpose: str, owner: str, alg: str, state: str = ACTIVE) -> PublicKey:
        """Make a key that is `active` at once, or `next`: published ahead of its use.

        Raises:
            KeyStateError: There is an active (or a next) key already, or the state is no beginning.
            InvalidKeyError: The algorithm is unknown.
        """
        if state not in {NEXT, ACTIVE} or purpose not in PURPOSES:
            raise KeyStateError(f"no {purpose} key begins as {state}")
        key = generate_key(alg)
        with self._writing():
            if self._in_state(purpose, owner, alg, state):
                raise KeyStateError(f"{owner} has a {state} {alg} key for {purpose}: rotate it")
            self._write(self._sealed(key, purpose, owner, state))
        return key.public

    def active(self, purpose: str, owner: str, alg: str) -> PrivateKey:
        """Return the key that signs.

        Raises:
            UnknownKeyError: There is none.
            DecryptionError: Its file was changed, or is wrapped under another key-encryption key.
        """
        record = self.active_record(purpose, owner, alg)
        key = self._private.get(record.key_id)
        if key is None:
            data = sm4.unseal(self._wrapping, record.wrapped, record.seal_aad())
            key = PrivateKey.from_bytes(record.alg, data)
            if key.key_id != record.key_id:
                raise KeyCustodyError(f"the file of key {record.key_id} holds another key")
            self._private[record.key_id] = key
        return key

    def active_record(self, purpose: str, owner: str, alg: str) -> KeyRecord:
        """Return what is known of the key that signs, or raise `UnknownKeyError`."""
        self._refresh()
        records = self._in_state(purpose, owner, alg, ACTIVE)
        if not records:
            raise UnknownKeyError(f"{owner} has no active {alg} key for {purpose}")
        return records[-1]

    def public_keys(self, purpose: str, owner: str, *, states: Collection[str] = PUBLISHED) -> tuple[PublicKey, ...]:
        """Return the owner's keys of a purpose in these states, the oldest first."""
        self._refresh()
        return tuple(record.public for record in self._by_owner.get((purpose, owner), ()) if record.state in states)

    def record(self, key_id: str) -> KeyRecord:
        """Return what is known of a key, or raise `UnknownKeyError`."""
        self._refresh()
        if key_id not in self._records:
            raise UnknownKeyError(f"there is no key {key_id}")
        return self._records[key_id]

    def records(self, purpose: str, owner: str) -> tuple[KeyRecord, ...]:
        """Return what is known of the owner's keys of a purpose, the oldest first, destroyed ones too."""
        self._refresh()
        return self._by_owner.get((purpose, owner), ())

    def rotate(self, purpose: str, owner: str, alg: str, *, seen: KeyRecord | None = None) -> PublicKey:
        """Let the next key sign (a new one if none was published ahead) and retire the old.

        With `seen`, a record on which the caller decided, two who rotate at once make one rotation.

        The new key stands before the old one goes: a crash between leaves two active keys, of
        which the newer signs, and the next rotation retires both.

        Raises:
            UnknownKeyError: There is no key to rotate.
            KeyStateError: The key of `seen` has changed since: somebody else has rotated.
        """
        with self._writing():
            signing = self._in_state(purpose, owner, alg, ACTIVE)
            ahead = self._in_state(purpose, owner, alg, NEXT)
            if not signing and not ahead:
                raise UnknownKeyError(f"{owner} has no {alg} key for {purpose} to rotate")
            if seen is not None and self._records.get(seen.key_id) != seen:
                raise KeyStateError(f"the key {seen.key_id} has changed meanwhile")
            new = self._now(ahead[0], ACTIVE) if ahead else self._sealed(generate_key(alg), purpose, owner, ACTIVE)
            self._write(new)
            for record in signing:
                self._write(self._now(record, RETIRED))
        return new.public

    def retire(self, key_id: str) -> None:
        """Stop signing with a key; it stays published."""
        with self._writing():
            record = self._existing(key_id)
            if record.state == DESTROYED:
                raise KeyStateError(f"the key {key_id} is destroyed")
            if record.state != RETIRED:
                self._write(self._now(record, RETIRED))

    def destroy(self, key_id: str) -> None:
        """Forget the private part of a retired key for good, here; backups of the folder are the operator's."""
        with self._writing():
            record = self._existing(key_id)
            if record.state not in {RETIRED, DESTROYED}:
                raise KeyStateError(f"the key {key_id} is {record.state}: retire it first")
            self._private.pop(key_id, None)
            self._write(replace(self._now(record, DESTROYED), wrapped=b""))

    def _existing(self, key_id: str) -> KeyRecord:
        if key_id not in self._records:
            raise UnknownKeyError(f"there is no key {key_id}")
        return self._records[key_id]

    def _in_state(self, purpose: str, owner: str, alg: str, state: str) -> list[KeyRecord]:
        records = self._by_owner.get((purpose, owner), ())
        return [record for record in records if record.alg == alg and record.state == state]

    def _sealed(self, key: PrivateKey, purpose: str, owner: str, state: str) -> KeyRecord:
        now = self.clock.now()
        bare = KeyRecord(key.key_id, purpose, owner, key.alg, state, now, now, key.public.jwk, b"")
        return replace(bare, wrapped=sm4.seal(self._wrapping, key.to_bytes(), bare.seal_aad()))

    def _now(self, record: KeyRecord, state: str) -> KeyRecord:
        return replace(record, state=state, since=self.clock.now())

    def _refresh(self) -> None:
        """Read the folder again if its time has changed since it was read."""
        if self._folder.stat().st_mtime_ns == self._read_at:
            return
        with self._locked(fcntl.LOCK_SH):  # No writer may stand between two of the files that are read.
            self._read()

    def _read(self) -> None:
        read_at = self._folder.stat().st_mtime_ns
        if read_at == self._read_at:
            return
        records = dict(self._kept_or_new(path) for path in self._folder.glob("*.json"))
        grouped: dict[tuple[str, str], list[KeyRecord]] = {}
        for record in records.values():
            grouped.setdefault((record.purpose, record.owner), []).append(record)
        self._records = records
        self._by_owner = {name: _by_age(group) for name, group in grouped.items()}
        # Another process may have destroyed a key: this one forgets it too.
        self._private = {
            key_id: key for key_id, key in self._private.items() if key_id in records and records[key_id].wrapped
        }
        self._read_at = read_at

    def _kept_or_new(self, path: Path) -> tuple[str, KeyRecord]:
        """Read a file, and keep the record known before if nothing changed, with its parsed key."""
        record = KeyRecord.from_file(path)
        known = self._records.get(record.key_id)
        return record.key_id, known if known == record else record

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        """Hold this ring's lock against threads and the folder's against processes."""
        with self._lock, (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, kind)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold both locks for a change, with fresh records."""
        with self._locked(fcntl.LOCK_EX):
            self._read()
            yield

    def _write(self, record: KeyRecord) -> None:
        draft = self._folder / f".{record.key_id}.{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(record.to_json())
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            draft.rename(self._folder / f"{record.key_id}.json")
            os.fsync(folder)
            after = os.fstat(folder).st_mtime_ns
            if after <= self._read_at:  # A second change within one tick of the clock must show too.
                after = self._read_at + 1
                os.utime(folder, ns=(after, after))
        finally:
            os.close(folder)
        self._records[record.key_id] = record
        name = (record.purpose, record.owner)
        others = (known for known in self._by_owner.get(name, ()) if known.key_id != record.key_id)
        self._by_owner[name] = _by_age([*others, record])
        self._read_at = after


def _by_age(records: list[KeyRecord]) -> tuple[KeyRecord, ...]:
    return tuple(sorted(records, key=lambda record: (record.created_at, record.key_id)))
