"""The credential in a bundle: read in every suite, its signatures and disclosures checked by their own step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from credentials import sdjwt
from credentials.document import TYP
from credentials.verification.findings import FindingError, UnreadableError, found_as
from credentials.verification.reading import (
    LAST_SECOND,
    as_text,
    key_id_of,
    member,
    number,
    read_token,
    text,
    tokens_of,
)
from crypto.jose import SUITE_ALG, SUITE_HASH, SUITE_HASH_NAME, verify_jwt
from crypto.keys import PublicKey

MAX_DISCLOSURES: Final = 256
MAX_DISCLOSURE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Presented:
    """What the issuer signed, as its first suite says it, and the disclosures that the holder gave."""

    tokens: Mapping[str, str]
    payloads: Mapping[str, Mapping[str, Any]]
    disclosures: Sequence[str]
    issuer: str
    issued_at: int
    jti: str
    vct: str
    status_uri: str
    status_index: int


def read(part: object) -> Presented:
    """Read the `credential` of a bundle. Signatures are not looked at.

    Raises:
        FindingError: `integrity_malformed`.
    """
    with found_as("integrity_malformed"):
        tokens = tokens_of(part)
        payloads = {suite: _payload(token, suite) for suite, token in tokens.items()}
        if not payloads:
            raise UnreadableError("no suite is given")
        first = next(iter(payloads.values()))
        listed = first["status"]["status_list"]
        return Presented(
            tokens=tokens,
            payloads=payloads,
            disclosures=_disclosures(member(part, "disclosures")),
            issuer=first["iss"],
            issued_at=first["iat"],
            jti=first["jti"],
            vct=first["vct"],
            status_uri=listed["uri"],
            status_index=listed["idx"],
        )


def check(credential: Presented, keys: Sequence[PublicKey]) -> dict[str, Any]:
    """Return the disclosed claims of a credential that `keys` signed in every suite.

    Raises:
        FindingError: `integrity_signature`, `integrity_suites_differ` or `integrity_disclosure`.
    """
    for suite, token in credential.tokens.items():
        with found_as("integrity_signature", suites=[suite], keys=[key_id_of(token)]):
            verify_jwt(token, keys, typ=TYP, algs=(SUITE_ALG[suite],))
    if len({_said(payload) for payload in credential.payloads.values()}) > 1:
        raise FindingError("integrity_suites_differ", suites=list(credential.tokens))
    claims: dict[str, Any] = {}
    for suite, payload in credential.payloads.items():
        with found_as("integrity_disclosure", suites=[suite]):
            claims = sdjwt.claims(payload, credential.disclosures, SUITE_HASH[suite])
    return claims


def _payload(token: object, suite: str) -> dict[str, Any]:
    payload = read_token(token, suite=suite, typ=TYP)
    for name in ("iss", "jti", "vct"):
        text(payload, name)
    number(payload, "iat", limit=LAST_SECOND)
    listed = member(payload.get("status"), "status_list")
    if not isinstance(listed, dict):
        raise UnreadableError("the credential names no status list")
    text(listed, "uri")
    number(listed, "idx")
    digests = payload.get("_sd")
    if payload.get("_sd_alg") != SUITE_HASH_NAME[suite] or not isinstance(digests, list):
        raise UnreadableError("_sd or _sd_alg is not that of the suite")
    if not all(isinstance(digest, str) for digest in digests) or len(set(digests)) < len(digests):
        raise UnreadableError("_sd does not hold different digests")
    if {"exp", "nbf"} & payload.keys():
        raise UnreadableError("a credential has no time limits of its own: its status says whether it holds")
    return payload


def _disclosures(part: object) -> list[str]:
    if not isinstance(part, list) or len(part) > MAX_DISCLOSURES:
        raise UnreadableError(f"not a list of at most {MAX_DISCLOSURES} disclosures")
    if not all(isinstance(encoded, str) and 0 < len(encoded) <= MAX_DISCLOSURE for encoded in part):
        raise UnreadableError("a disclosure is a text of at most 64 KiB")
    return part


def _said(payload: Mapping[str, Any]) -> str:
    """Return what the suites must say alike: everything but the digests, and how many those are."""
    kept = {name: value for name, value in payload.items() if name not in {"_sd", "_sd_alg"}}
    return as_text([kept, len(payload["_sd"])])
