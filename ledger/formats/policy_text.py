"""A witness policy as text: C2SP tlog-policy, in the one level that we have.

The quorum is a witness, or k of a group whose members are organisations: a witness, or a group of
one organisation's witnesses of which any one counts. Deeper rules are refused, never guessed at.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import InvalidNoteError, InvalidPolicyError
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.vkey import LOG_KINDS, WITNESS_KINDS, VerifierKey, parse_vkey

NONE: Final = "none"
MAX_SIZE: Final = 1 << 20
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK: Final = re.compile(r"[ \t]+")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_LOG_WORDS: Final = (2, 3)
_WITNESS_WORDS: Final = (3, 4)
_SHORTEST_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class NamedWitness:
    """A witness's key as the file names it, and where it can be asked."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy file: logs with their addresses, witnesses by organisation, and how many of these are needed."""

    quorum: int
    organisations: tuple[tuple[str, tuple[NamedWitness, ...]], ...]
    logs: tuple[tuple[VerifierKey, str | None], ...] = ()

    @property
    def policy(self) -> WitnessPolicy:
        """The rule that checkpoints are held to."""
        return WitnessPolicy(
            self.quorum,
            tuple(Organisation(name, tuple(one.key for one in members)) for name, members in self.organisations),
        )

    def __str__(self) -> str:
        """Return the file; blanks in names, which it cannot hold, become underscores."""
        lines = [f"log {key}{_after(url)}" for key, url in self.logs]
        used = {NONE}
        names = []
        for organisation, members in self.organisations:
            group = _name(organisation, used)
            keys = [group] if len(members) == 1 else [_name(f"{group}/{at}", used) for at in range(1, len(members) + 1)]
            lines += [f"witness {name} {one.key}{_after(one.url)}" for name, one in zip(keys, members, strict=True)]
            if len(members) > 1:
                lines.append(f"group {group} any {' '.join(keys)}")
            names.append(group)
        if not self.quorum:
            return "\n".join([*lines, f"quorum {NONE}", ""])
        rule = _name("quorum", used)
        return "\n".join([*lines, f"group {rule} {self.quorum} {' '.join(names)}", f"quorum {rule}", ""])


def parse_policy(data: bytes) -> PolicyText:
    """Read a policy file.

    Raises:
        InvalidPolicyError: It is no tlog-policy, or its rule has more than one level; `line` says where.
    """
    text = data[: MAX_SIZE + 1].decode("utf-8", "surrogateescape")  # Names are opaque octets.
    if len(data) > MAX_SIZE or _FORBIDDEN.search(text):
        raise InvalidPolicyError("a policy is text without control characters", line=0)
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        words = _BLANK.split(line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except (InvalidNoteError, ValueError) as error:
            raise InvalidPolicyError(f"line {number}: {error}", line=number) from error
    if reader.made is None:
        raise InvalidPolicyError("there is no quorum line", line=0)
    return reader.made


@dataclass
class _Reader:
    """What has been defined so far. Raises ValueError and InvalidNoteError."""

    logs: list[tuple[VerifierKey, str | None]] = field(default_factory=list)
    witnesses: dict[str, NamedWitness] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    points: set[bytes] = field(default_factory=set)
    quorum: str | None = None
    made: PolicyText | None = None

    def read(self, words: Sequence[str]) -> None:
        kind = words[0]
        if kind == "log" and len(words) in _LOG_WORDS:
            self.logs.append((self._key(words[1], LOG_KINDS), words[2] if len(words) > 2 else None))  # noqa: PLR2004
        elif kind == "witness" and len(words) in _WITNESS_WORDS:
            key = self._key(words[2], WITNESS_KINDS)
            self.witnesses[self._fresh(words[1])] = NamedWitness(words[1], key, words[3] if len(words) > 3 else None)  # noqa: PLR2004
        elif kind == "group" and len(words) >= _SHORTEST_GROUP:
            self._group(words[1], words[2], words[3:])
        elif kind == "quorum" and len(words) == 2:  # noqa: PLR2004
            self._quorum(words[1])
        else:
            raise ValueError("no line of a policy")
        if self.made is not None:  # Logs and witnesses may follow the quorum.
            self.made = PolicyText(self.made.quorum, self.made.organisations, tuple(self.logs))

    def _key(self, text: str, kinds: Iterable[object]) -> VerifierKey:
        key = parse_vkey(text)
        if key.kind not in kinds:
            raise ValueError("a key of another kind")
        if key.key.point in self.points:
            raise ValueError("a key is named twice")
        self.points.add(key.key.point)
        return key

    def _fresh(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name} is taken")
        return name

    def _group(self, name: str, threshold: str, members: Sequence[str]) -> None:
        self._fresh(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise ValueError(f"{member} is not defined above")
            if member in self.members:
                raise ValueError(f"{member} is a member twice")
            self.members.add(member)
        words = {"any": 1, "all": len(members)}
        needed = words.get(threshold) or (int(threshold) if _NUMBER.fullmatch(threshold) else 0)
        if not 1 <= needed <= len(members):
            raise ValueError(f"{threshold} of {len(members)} members cannot be")
        self.groups[name] = (needed, list(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise ValueError("a second quorum line")
        self.quorum = name
        if name == NONE:
            self.made = PolicyText(0, ())
        elif name in self.witnesses:
            self.made = PolicyText(1, ((name, (self.witnesses[name],)),))
        elif name in self.groups:
            needed, members = self.groups[name]
            self.made = PolicyText(needed, tuple((member, self._organisation(member)) for member in members))
        else:
            raise ValueError(f"{name} is not defined above")

    def _organisation(self, name: str) -> tuple[NamedWitness, ...]:
        if name in self.witnesses:
            return (self.witnesses[name],)
        needed, members = self.groups[name]
        if needed != 1 or any(member not in self.witnesses for member in members):
            raise ValueError(f"the group {name} is no organisation's: only `any` of witnesses is understood there")
        return tuple(self.witnesses[member] for member in members)


def _after(url: str | None) -> str:
    return "" if url is None else f" {url}"


def _name(wanted: str, used: set[str]) -> str:
    name = re.sub(r"\s", "_", wanted)
    while name in used:
        name += "_"
    used.add(name)
    return name
