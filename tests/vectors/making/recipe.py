"""How a bundle comes out of the province: log, checkpoint, credential, status lists.

A `Recipe` is a valid bundle; a defect is a recipe with one thing changed before it is signed and
logged, or a bundle changed afterwards.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.making.keys import (
    HASHES,
    LOG_ED25519,
    LOG_SM2,
    SUITE_HASH,
    b64,
    b64u,
    compact,
    note_line,
    pair,
    sha256,
    token,
)
from tests.vectors.making.tree import Tree, commitment
from tests.vectors.making.world import (
    A_SM2,
    B_ED25519,
    BOTH,
    DIGESTS,
    DIPLOMA,
    FIELDS,
    INDEX,
    ISSUED,
    JTI,
    LIST_URI,
    LISTED,
    LISTED_UNTIL,
    ORIGIN,
    SERVICE,
    UNIVERSITY,
    Accreditation,
    Change,
    T,
    status_chain,
    unchanged,
    university_chain,
)


@dataclass
class StatusLog:
    """The checkpoint of its own that a status part brings: a later one of the same log, or one of another log.

    `proved_before`: the service's statements stand in the credential's tree too, and the proofs shown lead there.
    `says`: another origin line in the checkpoint.
    """

    origin: str = ORIGIN
    hash_name: str = "sm3"
    key: str = "log"
    size: int = 34
    proved_before: bool = False
    says: str | None = None
    lines: Callable[[list[str]], list[str]] = lambda lines: lines
    cosigners: Sequence[tuple[tuple[str, str, bytes, str], int]] = ((A_SM2, LISTED + 20), (B_ED25519, LISTED + 60))

    def grow(self, tree: Tree) -> Tree:
        """Return the log's tree where the credential's log is `tree`."""
        later = Tree(self.hash_name)
        if self.origin == ORIGIN:
            later.entries = [*tree.entries]
        return later

    def checkpoint(self, tree: Tree) -> str:
        text = f"{self.says or self.origin}\n{len(tree.entries)}\n{b64(tree.root())}\n"
        own = [note_line(text, self.origin, kind, self.key) for kind in (LOG_SM2, LOG_ED25519)]
        seen = [note_line(text, name, kind, key, time=time) for (_, name, kind, key), time in self.cosigners]
        return text + "\n" + "".join([*self.lines(own), *seen])


@dataclass
class Recipe:
    """Everything that goes into a bundle; the defaults give a valid one."""

    chain: list[Accreditation] = field(default_factory=university_chain)
    status_chain: list[Accreditation] = field(default_factory=status_chain)
    status_log: StatusLog | None = None
    suites: tuple[str, ...] = BOTH
    issuer: str = UNIVERSITY
    keys: str = "university issuing"
    fields: dict[str, Any] = field(default_factory=lambda: dict(FIELDS))
    shown: tuple[str, ...] | None = None
    payload: Callable[[dict[str, Any], str], Any] = lambda _payload, _suite: None
    signed: Callable[[str, str], str] = lambda jwt, _suite: jwt
    entry: Callable[[bytes], bytes] = lambda entry: entry
    hash_name: str = "sm3"
    log_lines: Callable[[str], list[str]] | None = None
    cosigners: Sequence[tuple[tuple[str, str, bytes, str], int]] = ((A_SM2, T - 30), (B_ED25519, T))
    more_lines: Callable[[str], list[str]] = lambda _text: []
    state: int = 0
    intl_state: int | None = None
    listed: Change = unchanged
    status_keys: str = "status service issuing"
    statement: dict[str, Any] | None = None
    bundle: Change = unchanged
    watch: Callable[[Tree], Any] = lambda _tree: None

    def make(self) -> dict[str, Any]:
        """Return the bundle."""
        tree = Tree(self.hash_name)
        statements = [self._log_statement(tree, one) for one in self.chain]
        tree.fill(13)
        before = self.status_log is None or self.status_log.proved_before
        service = [self._log_statement(tree, one) for one in self.status_chain] if before else []
        disclosures, digests = self._disclosures()
        jwts = {suite: self._sign(suite, digests[suite]) for suite in self.suites}
        code = self.issuer[-10:]
        entry = self.entry(b"\x01" + code.encode() + commitment("xinji/credential/1", code, jwts))
        index = tree.add(entry)
        tree.fill(21)
        self.watch(tree)
        text = f"{ORIGIN}\n{len(tree.entries)}\n{b64(tree.root())}\n"
        bundle: dict[str, Any] = {
            "format": "xinji/bundle/1",
            "credential": {**jwts, "disclosures": disclosures},
            "accreditation": [self._with_proof(tree, item) for item in statements],
            "log": {"origin": ORIGIN, "entry": b64(entry), **tree.proof(index), "checkpoint": self._checkpoint(text)},
            "anchor": {
                "mode": "embedded",
                "chain_id": 20260630,
                "contract": "0x" + "41" * 20,
                "transaction": "0x" + "ab" * 32,
                "block_number": 7,
                "block_hash": "0x" + "cd" * 32,
                "size": len(tree.entries),
                "root": b64(tree.root()),
            },
            "status": {**self.lists(), "accreditation": [self._with_proof(tree, item) for item in service]},
            "key_binding": None,
        }
        if self.status_log:
            shown = bundle["status"]["accreditation"]
            bundle |= {"format": "xinji/bundle/2", "status": self._status_of_its_own(self.status_log, tree)}
            if before:
                bundle["status"]["accreditation"] = shown
        self.bundle(bundle)
        return bundle

    def _status_of_its_own(self, log: StatusLog, before: Tree) -> dict[str, Any]:
        tree = log.grow(before)
        service = [self._log_statement(tree, one) for one in self.status_chain]
        tree.fill(log.size)
        return {
            **self.lists(),
            "accreditation": [self._with_proof(tree, item) for item in service],
            "log": {"origin": log.origin, "checkpoint": log.checkpoint(tree)},
        }

    def lists(self) -> dict[str, Any]:
        """Return uri, list tokens and reason of the bundle's status, without its accreditation."""
        states = {"gm": self.state, "intl": self.state if self.intl_state is None else self.intl_state}
        tokens = {}
        for suite in self.suites:
            payload = {
                "sub": LIST_URI,
                "iss": SERVICE,
                "iat": LISTED,
                "exp": LISTED_UNTIL,
                "ttl": 21_600,
                "status_list": {"bits": 2, "lst": packed({INDEX: states[suite]})},
            }
            self.listed(payload)
            tokens[suite] = token(payload, self.status_keys, suite, typ="statuslist+jwt")
        reason = None
        if self.statement is not None:
            said = {
                "iss": SERVICE,
                "jti": JTI,
                "status": self.state,
                "reason": "issued_in_error",
                "at": LISTED,
                "iat": LISTED,
            }
            reason = pair(said | self.statement, "status service issuing", typ="xinji-status-statement+jwt")
        return {"uri": LIST_URI, **tokens, "statement": reason}

    def _disclosures(self) -> tuple[list[str], dict[str, list[str]]]:
        made = {
            name: b64u(compact([b64u(sha256(f"salt of {name}".encode())[:16]), name, value]))
            for name, value in self.fields.items()
        }
        digests = {}
        for suite in self.suites:
            h = HASHES[SUITE_HASH[suite]]
            decoys = [h(b"decoy %d" % n) for n in range(DIGESTS - len(made))]
            digests[suite] = sorted(b64u(digest) for digest in [*(h(text.encode()) for text in made.values()), *decoys])
        shown = made if self.shown is None else {name: made[name] for name in self.shown}
        return list(shown.values()), digests

    def _sign(self, suite: str, digests: list[str]) -> str:
        payload: dict[str, Any] = {
            "iss": self.issuer,
            "iat": ISSUED,
            "jti": JTI,
            "vct": DIPLOMA,
            "status": {"status_list": {"idx": INDEX, "uri": LIST_URI}},
            "_sd_alg": SUITE_HASH[suite],
            "_sd": digests,
        }
        self.payload(payload, suite)
        return self.signed(token(payload, self.keys, suite, typ="dc+sd-jwt"), suite)

    def _log_statement(self, tree: Tree, one: Accreditation) -> dict[str, Any]:
        typ = "entity-statement+jwt"
        item: dict[str, Any] = pair(one.payload, one.signer, typ=typ)
        if one.intl_payload is not None:
            item["intl"] = token(one.intl_payload, one.signer, "intl", typ=typ)
        item = {suite: item[suite] for suite in one.suites}
        committed = commitment("xinji/accreditation/1", one.code, item)
        item["proof"] = tree.add(b"\x03" + one.code.encode() + committed) if one.logged else None
        item["status"] = None
        if one.status is not None:
            said = {"iss": one.payload["iss"], "sub": one.payload["sub"], "statement": committed.hex()} | one.status
            later: dict[str, Any] = pair(said, one.status_signer or one.signer, typ="xinji-statement-status+jwt")
            leaf = b"\x03" + one.code.encode() + commitment("xinji/accreditation/1", one.code, later)
            item["status"] = {**later, "proof": tree.add(leaf) if one.status_logged else None}
        return item

    def _with_proof(self, tree: Tree, item: dict[str, Any]) -> dict[str, Any]:
        def proof(index: int | None) -> dict[str, Any] | None:
            return None if index is None else tree.proof(index)

        status = item["status"]
        return item | {
            "proof": proof(item["proof"]),
            "status": None if status is None else status | {"proof": proof(status["proof"])},
        }

    def _checkpoint(self, text: str) -> str:
        lines = self.log_lines(text) if self.log_lines else log_lines(text)
        seen = [note_line(text, name, kind, key, time=time) for (_, name, kind, key), time in self.cosigners]
        return text + "\n" + "".join([*lines, *seen, *self.more_lines(text)])


def log_lines(text: str) -> list[str]:
    return [note_line(text, ORIGIN, LOG_SM2, "log"), note_line(text, ORIGIN, LOG_ED25519, "log")]


def packed(states: dict[int, int], *, entries: int = 4096) -> str:
    """Return `lst` for `states`, stored and not compressed: compressors differ from machine to machine."""
    lists = bytearray(entries // 4)
    for index, state in states.items():
        lists[index // 4] |= state << index % 4 * 2
    return b64u(zlib.compress(bytes(lists), 0))
