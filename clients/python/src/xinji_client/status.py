"""Status: IETF Token Status List tokens of a province's status service, and the reason that may come with them.

Two bits a credential: 0 valid, 1 revoked, 2 suspended, 3 superseded. A list is as good as
it is fresh; what it says after its `exp` is told, and counts as not checked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from xinji_client import chain, status_log
from xinji_client.encoding import from_b64u, strict_json
from xinji_client.errors import CheckFailed, FormatError, SignatureError, failing_as
from xinji_client.jws import Token, integer_of, parse, text_of, texts_of
from xinji_client.keys import SUITE_ALG, SUITES, Key
from xinji_client.sdjwt import Credential
from xinji_client.times import iso
from xinji_client.trust import Root, Tree, Trust

TYP = "statuslist+jwt"
STATEMENT_TYP = "xinji-status-statement+jwt"
BITS = 2
LIST_BYTES = (1 << 20) * BITS // 8
CLOCK_SKEW = 300
STATES = ("valid", "revoked", "suspended", "superseded")


@dataclass(frozen=True, slots=True)
class Finding:
    """What fresh, well signed lists say of the credential. `reason` is the code of an agreeing statement."""

    state: str
    as_of: int
    valid_until: int
    reason: str | None
    since: int | None


class FreshStatus(dict[str, Any]):
    """A bundle's `status` with one fresh list token in place of its own: one suite is then enough."""


def with_token(part: Any, token: str) -> FreshStatus:
    """Put a fresh list token in place of those of a bundle's `status`; its suite follows from its `alg`.

    Raises:
        FormatError: It is no list token of a suite.
    """
    token = token.strip()
    header = strict_json(from_b64u(token.split(".", 1)[0]))
    alg = header.get("alg") if isinstance(header, dict) else None
    suite = next((suite for suite in SUITES if SUITE_ALG[suite] == alg), None)
    if suite is None:
        raise FormatError(f"the status list is signed with {alg!r}, an algorithm of neither suite")
    parse(token, suite=suite, typ=TYP)
    kept = part.items() if isinstance(part, dict) else ()
    return FreshStatus({name: value for name, value in kept if name not in SUITES} | {suite: token})


def check(
    part: Any, credential: Credential, *, trust: Trust, tree: Tree | None, now: int, given: bool = False
) -> Finding:
    """Find what the status lists of `part` say of `credential`.

    Args:
        part: The status of a bundle, or a fresh one.
        credential: Whose status it is.
        trust: Whom the verifier believes.
        tree: Under the credential's checkpoint; the signer's accreditation lies there unless `part` names a `log`.
        now: POSIX seconds.
        given: Whether the verifier brought `part` itself; its lists may then be younger than its `log`.

    Raises:
        CheckFailed: `status_missing`, `status_mismatch`, `status_log`, `status_beyond_final`,
            `status_signature`, `status_key_unknown` or `status_stale`.
    """
    # 1. The lists are there, are those that the credential names, and agree about it.
    tokens = read(part, credential)
    state = _state(part, tokens, credential)

    # 2. They are signed by its province's status service, which was accredited when it signed them.
    as_of = min(token.payload["iat"] for token in tokens.values())
    if part.get("log") is not None:
        latest = max(token.payload["iat"] for token in tokens.values())
        tree = status_log.tree_of(part["log"], trust, listed_at=None if given else latest)
    service = _service(part, trust.roots, tree, suites=tokens, at=as_of)
    if given and not {token.key_id for token in tokens.values()} <= {key.key_id for key in _keys(service)}:
        raise CheckFailed("status_key_unknown", as_of=iso(as_of))
    with failing_as("status_signature"):
        _check_signed(tokens, service, province=chain.entity(credential.issuer).province)

    # 3. They are fresh. Both suites come from one snapshot, so the older date counts.
    until = min(token.payload["exp"] for token in tokens.values())
    latest = max(token.payload["iat"] for token in tokens.values())
    if now >= until or latest > now + CLOCK_SKEW:
        raise CheckFailed("status_stale", as_of=iso(as_of), valid_until=iso(until))

    # 4. A statement of the reason is shown only where it is signed and agrees with the lists.
    reason, since = _reason(part.get("statement"), credential, state, service)
    return Finding(STATES[state], as_of, until, reason, since)


def read(part: Any, credential: Credential) -> dict[str, Token]:
    """Read the list tokens of a bundle's `status`, one to each suite of the credential, without checking signatures.

    Raises:
        CheckFailed: `status_missing` where one is wanting, `status_mismatch` where one is no list token.
    """
    if not isinstance(part, Mapping):
        raise CheckFailed("status_missing", "the bundle has no status")
    wanted = [*credential.tokens]
    if isinstance(part, FreshStatus):
        wanted = [suite for suite in wanted if suite in part]
    if not wanted or any(part.get(suite) is None for suite in wanted):
        raise CheckFailed("status_missing", "a suite of the credential has no status list")
    with failing_as("status_mismatch"):
        tokens = {suite: parse(part[suite], suite=suite, typ=TYP) for suite in wanted}
        for token in tokens.values():
            text_of(token.payload, "iss")
            integer_of(token.payload, "iat")
            integer_of(token.payload, "exp")
    return tokens


def _service(
    part: Mapping[str, Any], roots: Sequence[Root], tree: Tree | None, *, suites: Iterable[str], at: int
) -> chain.Statement:
    try:
        statements = chain.read(part.get("accreditation"))
        root = chain.verify(statements, roots, tree, kind=chain.STATUS_PROVIDER, suites=suites)
        chain.check_times(statements, root, at=at)
    except CheckFailed as error:
        raise CheckFailed("status_signature", str(error)) from error
    return statements[0]


def _keys(service: chain.Statement) -> tuple[Key, ...]:
    return service.service_keys(chain.STATUS_PROVIDER)


def _check_signed(tokens: Mapping[str, Token], service: chain.Statement, *, province: str) -> None:
    """Check that the province's own service signed the lists: a county's key must not speak for every school."""
    own = service.subject.kind == "status" and service.subject.entity_id == f"{service.issuer}/status"
    provinces = texts_of(dict(service.metadata(chain.STATUS_PROVIDER) or {}), "province")
    if not own or service.subject.code != f"{province}0000".rjust(10, "0") or list(provinces) != [province]:
        raise SignatureError(f"{service.subject.entity_id} is not the status service of province {province}")
    for token in tokens.values():
        token.verify(_keys(service))
        if token.payload["iss"] != service.subject.entity_id:
            raise SignatureError(f"{token.payload['iss']} is not the service that is accredited")


def _state(part: Mapping[str, Any], tokens: Mapping[str, Token], credential: Credential) -> int:
    """Return the two bits of the credential, the same in every list."""
    with failing_as("status_mismatch", uri=credential.status_uri, index=credential.status_index):
        if part.get("uri") != credential.status_uri:
            raise FormatError("the lists are not those that the credential names")
        states = {_look_up(token.payload, credential) for token in tokens.values()}
        if len(states) > 1:
            raise FormatError("the suites' lists differ about the credential")
    return states.pop()


def _look_up(payload: Mapping[str, Any], credential: Credential) -> int:
    if payload.get("sub") != credential.status_uri:
        raise FormatError(f"the list is {payload.get('sub')!r}, the credential names {credential.status_uri}")
    listed = payload.get("status_list")
    if not isinstance(listed, dict) or listed.get("bits") != BITS:
        raise FormatError("a status list of two bits a credential is wanted")
    packed = inflate(from_b64u(listed.get("lst")))
    byte, place = divmod(credential.status_index, 8 // BITS)
    if byte >= len(packed):
        raise FormatError("the list ends before the credential's index")
    return packed[byte] >> place * BITS & (1 << BITS) - 1


def inflate(compressed: bytes) -> bytes:
    """Unpack a list, at most 2^20 entries of it: a few bytes can pack gigabytes.

    Raises:
        FormatError: Not one whole zlib stream, or more than that.
    """
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(compressed, LIST_BYTES + 1)
    except zlib.error as error:
        raise FormatError("the list is not a zlib stream") from error
    if len(packed) > LIST_BYTES or not stream.eof or stream.unused_data:
        raise FormatError("the list is cut off, too long, or has something after it")
    return packed


def _reason(part: Any, credential: Credential, state: int, service: chain.Statement) -> tuple[str | None, int | None]:
    """Return the reason code and its time from a status statement that is signed and agrees, else nothing."""
    with suppress(FormatError, SignatureError):
        tokens, payload = chain.both_suites(part, STATEMENT_TYP)
        for token in tokens.values():
            token.verify(_keys(service))
        about = (payload.get("iss"), payload.get("jti"), payload.get("status"))
        if about == (service.subject.entity_id, credential.identifier, state):
            return text_of(payload, "reason"), integer_of(payload, "at")
    return None, None
