"""The province of the vectors: who accredits whom, one log, three witnesses, and how a bundle comes out of them.

A `Recipe` is a valid bundle; a defect is a recipe with one thing changed before it is signed
and logged, or a bundle changed afterwards. Times are POSIX seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.vectors.making.keys import (
    COSIGNATURE_ED25519,
    COSIGNATURE_SM2,
    HASHES,
    LOG_ED25519,
    LOG_SM2,
    SUITE_HASH,
    b64,
    b64u,
    compact,
    jwks,
    note_line,
    pair,
    sha256,
    sm3,
    token,
    vkey,
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


BASE = "https://henan.example"
ORIGIN = "henan.example/log"
ROOT, CITY, COUNTY = (f"{BASE}/authorities/{code}" for code in ("410000", "410100", "410102"))
SERVICE = f"{ROOT}/status"
UNIVERSITY, HIGH_SCHOOL, OTHER_SCHOOL = (f"{BASE}/schools/{c}" for c in ("4141010459", "3441999001", "4141010475"))
LIST_URI = f"{BASE}/status/41/1"
DIPLOMA = "urn:xinji:credential:diploma:1"
JTI = "urn:uuid:0190f6f0-5c00-7a00-8000-000000000001"

DAY = 86_400
ACCREDITED, ACCREDITED_UNTIL = at("2026-01-10"), at("2031-01-10")
ISSUED = at("2026-06-30")
T = at("2026-06-30T06:03:00")
LISTED, LISTED_UNTIL = at("2026-07-01"), at("2026-07-02")
NOW = at("2026-07-01T04:00:00")
INDEX = 1234
BOTH = ("gm", "intl")

# Organisation, name in notes, kind, key: the first has both kinds of keys.
WITNESSES = (
    ("示范见证单位甲", "witness-a.example", COSIGNATURE_SM2, "witness a"),
    ("示范见证单位甲", "witness-a.example", COSIGNATURE_ED25519, "witness a"),
    ("示范见证单位乙", "witness-b.example", COSIGNATURE_ED25519, "witness b"),
    ("示范见证单位丙", "witness-c.example", COSIGNATURE_SM2, "witness c"),
)
STRANGER = ("路人", "stranger.example", COSIGNATURE_ED25519, "stranger")
A_SM2, A_ED25519, B_ED25519, C_SM2 = WITNESSES

FIELDS: dict[str, Any] = {
    "name": "\U00020bb7田\U0002a6b2",  # CJK Extension B, as some names have.
    "gender": "2",
    "birthdate": "2004-02-29",
    "school_name": "郑州大学",
    "school_name_en": "Zhengzhou University",
    "level": "20",
    "major": "软件工程",
    "study_form": "全日制",
    "study_length": 4,
    "entry_date": "2022-09-01",
    "graduation_date": "2026-06-30",
    "conclusion": "毕业",
    "certificate_number": "104591202605000001",
    "president": "李示范",
    "issued_on": "2026-06-30",
}
DIGESTS = 24

Change = Callable[[dict[str, Any]], Any]


def unchanged(_: dict[str, Any]) -> None:
    return None


@dataclass
class Accreditation:
    """One statement: what it says, by whom it is signed, how it is logged, and what became of it."""

    payload: dict[str, Any]
    signer: str
    code: str
    logged: bool = True
    intl_payload: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    status_signer: str | None = None
    status_logged: bool = True


def _statement(superior: str, subject: str, keys: str, **claims: Any) -> dict[str, Any]:
    return {
        "iss": superior,
        "sub": subject,
        "iat": ACCREDITED,
        "exp": ACCREDITED_UNTIL,
        "jwks": jwks(f"{keys} federation"),
        **claims,
    }


def school(superior: str, subject: str, keys: str, *, zh: str, en: str) -> dict[str, Any]:
    code = subject[-10:]
    issuer = {
        "school_code": [code],
        "school_type": [code[:2]],
        "province": [code[2:4]],
        "credential_types": [DIPLOMA],
        "jwks": jwks(f"{keys} issuing"),
    }
    named = {"organization_name": zh, "organization_name#en": en}
    metadata = {"federation_entity": named, "xinji_credential_issuer": issuer}
    return _statement(superior, subject, keys, metadata=metadata)


def authority(superior: str, subject: str, keys: str, *, zh: str, en: str, below: int) -> dict[str, Any]:
    """`below`: how many authorities may stand between `superior` and a school (OpenID Federation 1.0 §6.2.1)."""
    limits = {"province": ["41"], "school_type": ["21", "31", "34"], "credential_types": [DIPLOMA]}
    return _statement(
        superior,
        subject,
        keys,
        metadata={"federation_entity": {"organization_name": zh, "organization_name#en": en}},
        metadata_policy={"xinji_credential_issuer": {name: {"subset_of": to} for name, to in limits.items()}},
        constraints={"max_path_length": below},
    )


def university_chain() -> list[Accreditation]:
    leaf = school(ROOT, UNIVERSITY, "university", zh="郑州大学", en="Zhengzhou University")
    return [Accreditation(leaf, "root", "4141010459")]


def long_chain() -> list[Accreditation]:
    leaf = school(COUNTY, HIGH_SCHOOL, "high school", zh="示范高中（虚构）", en="Demo High School (synthetic)")
    county = authority(CITY, COUNTY, "county", zh="中原区教育局", en="Zhongyuan District Education Bureau", below=1)
    city = authority(ROOT, CITY, "city", zh="郑州市教育局", en="Zhengzhou Education Bureau", below=2)
    return [
        Accreditation(leaf, "county federation", "3441999001"),
        Accreditation(county, "city federation", "0000410102"),
        Accreditation(city, "root", "0000410100"),
    ]


def status_chain() -> list[Accreditation]:
    provider = {"province": ["41"], "jwks": jwks("status service issuing")}
    leaf = _statement(ROOT, SERVICE, "status service", metadata={"xinji_status_provider": provider})
    return [Accreditation(leaf, "root", "0000410000")]


def commitment(tag: str, code: str, suites: dict[str, str]) -> bytes:
    parts = [tag.encode(), b"\0", code.encode(), bytes([len(suites)])]
    for suite in sorted(suites):
        parts += [bytes([len(suite)]), suite.encode(), sm3(suites[suite].encode())]
    return sm3(b"".join(parts))


class Tree:
    """A log's entries and the RFC 9162 tree over them, computed from the definition."""

    def __init__(self, hash_name: str) -> None:
        self.h = HASHES[hash_name]
        self.entries = [b"\x01" + b"4141010475" + sha256(f"somebody else's entry {n}".encode()) for n in range(5)]

    def add(self, entry: bytes) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def fill(self, size: int) -> None:
        while len(self.entries) < size:
            self.add(b"\x01" + b"4141010078" + sha256(b"later %d" % len(self.entries)))

    def root(self, start: int = 0, end: int | None = None) -> bytes:
        end = len(self.entries) if end is None else end
        if end - start == 1:
            return self.h(b"\0" + self.entries[start])
        split = start + (1 << (end - start - 1).bit_length() - 1)
        return self.h(b"\x01" + self.root(start, split) + self.root(split, end))

    def path(self, index: int, start: int = 0, end: int | None = None) -> list[bytes]:
        end = len(self.entries) if end is None else end
        if end - start == 1:
            return []
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            return [*self.path(index, start, split), self.root(split, end)]
        return [*self.path(index, split, end), self.root(start, split)]

    def proof(self, index: int) -> dict[str, Any]:
        return {"index": index, "path": [b64(node) for node in self.path(index)]}


@dataclass
class Recipe:
    """Everything that goes into a bundle; the defaults give a valid one."""

    chain: list[Accreditation] = field(default_factory=university_chain)
    status_chain: list[Accreditation] = field(default_factory=status_chain)
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

    def make(self) -> dict[str, Any]:
        """Return the bundle."""
        tree = Tree(self.hash_name)
        statements = [self._log_statement(tree, one) for one in self.chain]
        tree.fill(13)
        service = [self._log_statement(tree, one) for one in self.status_chain]
        disclosures, digests = self._disclosures()
        jwts = {suite: self._sign(suite, digests[suite]) for suite in self.suites}
        code = self.issuer[-10:]
        entry = self.entry(b"\x01" + code.encode() + commitment("xinji/credential/1", code, jwts))
        index = tree.add(entry)
        tree.fill(21)
        text = f"{ORIGIN}\n{len(tree.entries)}\n{b64(tree.root())}\n"
        bundle = {
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
        self.bundle(bundle)
        return bundle

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
                "reason": "data_error",
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


def trust_payload() -> dict[str, Any]:
    organisations = list(dict.fromkeys(witness[0] for witness in WITNESSES))
    return {
        "format": "xinji/trust/1",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "expires_at": "2027-01-01T00:00:00Z",
        "threshold": 1,
        "roots": [{"entity_id": ROOT, "provinces": ["41"], "jwks": jwks("root")}],
        "logs": [
            {"origin": ORIGIN, "hash": "sm3", "vkeys": [vkey(ORIGIN, LOG_SM2, "log"), vkey(ORIGIN, LOG_ED25519, "log")]}
        ],
        "witness_policy": {
            "quorum": 2,
            "witnesses": [
                {
                    "organisation": organisation,
                    "vkeys": [vkey(*witness[1:]) for witness in WITNESSES if witness[0] == organisation],
                }
                for organisation in organisations
            ],
        },
        "chains": [
            {"id": "embedded", "mode": "embedded", "chain_id": 20260630, "contract": "0x" + "41" * 20, "endorsers": []}
        ],
        "verifier_host": "henan.example",
    }


def trust_file(payload: dict[str, Any], signers: Sequence[str] = ("root",)) -> dict[str, Any]:
    """Return the trust file: a JWS in general JSON form, signed by each signer in both suites."""
    signatures = []
    for signer in signers:
        for suite in BOTH:
            protected, _, signature = token(payload, signer, suite, typ="xinji-trust+json").split(".")
            signatures.append({"protected": protected, "signature": signature})
    return {"payload": b64u(compact(payload)), "signatures": signatures}
