"""SD-JWT (RFC 9901) in our profile: a flat credential, every field disclosable, two suites over one set of disclosures.

Knows signatures and digests; does not know who may issue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xinji_client.encoding import b64u, canonical, from_b64u, strict_json
from xinji_client.errors import CheckFailed, EngineMissingError, FormatError, failing_as
from xinji_client.hashes import HASHES
from xinji_client.jws import Token, integer_of, parse, text_of, texts_of
from xinji_client.keys import SUITE_HASH, SUITES, Key

TYP = "dc+sd-jwt"
MAX_DISCLOSURES = 256
MAX_DISCLOSURE = 1 << 16
_RESERVED = frozenset(("_sd", "_sd_alg", "..."))
_NEVER_DISCLOSED = frozenset(("iss", "iat", "nbf", "exp", "jti", "vct", "status", "cnf"))  # RFC 9901 and SD-JWT VC.
_DISCLOSURE_PARTS = 3


@dataclass(frozen=True, slots=True)
class Credential:
    """What the issuer signed, the same in every suite, and the fields that the holder shows."""

    tokens: Mapping[str, Token]
    issuer: str
    issued_at: int
    identifier: str
    vct: str
    status_uri: str
    status_index: int
    disclosures: tuple[str, ...]


def read(part: Any) -> Credential:
    """Read the `credential` of a bundle, without checking any signature or comparing the suites.

    Raises:
        CheckFailed: `integrity_malformed`.
    """
    with failing_as("integrity_malformed"):
        tokens, payload = _tokens(part)
        status = payload["status"]["status_list"]
        disclosures = part.get("disclosures")
        if not isinstance(disclosures, list) or len(disclosures) > MAX_DISCLOSURES:
            raise FormatError(f"disclosures must be a list of at most {MAX_DISCLOSURES}")
        if not all(isinstance(text, str) and 0 < len(text) <= MAX_DISCLOSURE for text in disclosures):
            raise FormatError("a disclosure must be a string of at most 64 KiB")
        return Credential(
            tokens=tokens,
            issuer=payload["iss"],
            issued_at=payload["iat"],
            identifier=payload["jti"],
            vct=payload["vct"],
            status_uri=status["uri"],
            status_index=status["idx"],
            disclosures=tuple(disclosures),
        )


def _tokens(part: Any) -> tuple[dict[str, Token], dict[str, Any]]:
    if not isinstance(part, dict):
        raise FormatError("credential must be an object")
    tokens = {suite: parse(part[suite], suite=suite, typ=TYP) for suite in SUITES if part.get(suite) is not None}
    for suite, token in tokens.items():
        _check_form(token.payload, suite)
    if not tokens:
        raise FormatError("the credential carries no suite")
    return tokens, next(iter(tokens.values())).payload


def _check_form(payload: dict[str, Any], suite: str) -> None:
    for name in ("iss", "jti", "vct"):
        text_of(payload, name)
    integer_of(payload, "iat")
    status = payload.get("status")
    listed = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(listed, dict):
        raise FormatError("status.status_list must be an object")
    text_of(listed, "uri")
    integer_of(listed, "idx")
    if payload.get("_sd_alg") != SUITE_HASH[suite]:
        raise FormatError(f"_sd_alg of {suite} must be {SUITE_HASH[suite]}")
    digests = texts_of(payload, "_sd")
    if len(set(digests)) != len(digests):
        raise FormatError("_sd holds a digest twice")  # RFC 9901 §7.1 step 4.
    if {"exp", "nbf"} & payload.keys():
        raise FormatError("a credential of this profile has no exp or nbf: status says whether it holds")


def compare_suites(credential: Credential) -> None:
    """Check that all suites say the same: everything but the digests themselves, and as many of those.

    Raises:
        CheckFailed: `integrity_suites_differ`.
    """
    said = {
        canonical(
            {name: value for name, value in token.payload.items() if name not in {"_sd", "_sd_alg"}}
            | {"_sd": len(token.payload["_sd"])}
        )
        for token in credential.tokens.values()
    }
    if len(said) > 1:
        raise CheckFailed("integrity_suites_differ", "iss, iat, jti, vct, status or the number of fields")


def check_signatures(credential: Credential, keys: Sequence[Key]) -> tuple[str, ...]:
    """Check every suite's signature by the issuer's `keys`; return the suites this machine could not check.

    Raises:
        CheckFailed: `integrity_signature`.
    """
    missing = []
    for suite, token in credential.tokens.items():
        try:
            with failing_as("integrity_signature", suites=[suite], keys=[token.key_id]):
                token.verify(keys)
        except EngineMissingError:
            missing.append(suite)
    return tuple(missing)


def open_disclosures(credential: Credential) -> dict[str, Any]:
    """Return the disclosed fields after finding each one's digest in `_sd` of every suite (RFC 9901 §7.1).

    Raises:
        CheckFailed: `integrity_disclosure`.
    """
    claims: dict[str, Any] = {}
    with failing_as("integrity_disclosure"):
        for disclosure in credential.disclosures:
            name, value = _field(disclosure)
            if name in claims or any(name in token.payload for token in credential.tokens.values()):
                raise FormatError(f"the field {name} stands twice")
            for suite, token in credential.tokens.items():
                if b64u(HASHES[SUITE_HASH[suite]](disclosure.encode("ascii"))) not in token.payload["_sd"]:
                    raise FormatError(f"the field {name} is not in what the {suite} suite signed")
            claims[name] = value
    return claims


def _field(disclosure: str) -> tuple[str, Any]:
    parts = strict_json(from_b64u(disclosure))
    if not isinstance(parts, list) or len(parts) != _DISCLOSURE_PARTS or not isinstance(parts[0], str):
        raise FormatError("a disclosure is [salt, name, value]")
    _, name, value = parts
    if not isinstance(name, str) or not name or name in _RESERVED | _NEVER_DISCLOSED:
        raise FormatError("a disclosure may not name this claim")
    if isinstance(value, dict | list):
        _no_digests(value)
    return name, value


def _no_digests(value: Any) -> None:
    """Refuse `_sd` and `...` inside a field: fields of this profile are disclosed whole."""
    if isinstance(value, dict):
        if _RESERVED & value.keys():
            raise FormatError("a field holds digests of its own")
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            _no_digests(member)
