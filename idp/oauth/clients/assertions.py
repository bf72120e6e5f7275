"""A platform's signed statement of who it is: `private_key_jwt` (RFC 7523 §3, OIDC Core §9).

The checks are numbered as RFC 7523 §3 has them. Secrets are kept as hashes, so a statement
made with a secret (`client_secret_jwt`) could not be checked and is not offered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from authlib.oauth2.rfc6749.errors import InvalidClientError

from crypto.errors import CryptoError
from crypto.jose import peek
from crypto.jose_foreign import verify_foreign_jwt
from crypto.keys import ES256, generate_key
from idp.keyed import Keyed
from idp.oauth.clients.key_sets import KeySets
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.stores.spent import spend
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPS: Final = (None, "JWT", "client-authentication+jwt")
LIFE: Final = timedelta(hours=1)
"""The longest time an assertion may have left: what stock libraries give theirs."""
FAPI_LIFE: Final = timedelta(minutes=5)
PAST: Final = timedelta(seconds=10)
FUTURE: Final = timedelta(seconds=30)
"""How far clocks may be apart: FAPI 2.0 §5.3.2.1 wants 10 seconds accepted and more than 60 refused."""
MAX_JTI: Final = 256
_STRANGER: Final = generate_key(ES256).public.jwk


class ProofNeeds(Protocol):
    """What checking a proof needs."""

    @property
    def issuer(self) -> str:
        """Who we are."""
        ...

    @property
    def database(self) -> Database:
        """Where it is noted what was used."""
        ...

    @property
    def keyed(self) -> Keyed:
        """What hashes it."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def key_sets(self) -> KeySets:
        """The platforms' keys."""
        ...


def claimed_subject(assertion: str) -> str:
    """Return whom an assertion is about, **before anything was verified**.

    Raises:
        InvalidClientError: It is no JWT with a subject.
    """
    try:
        subject = peek(assertion)[1].get("sub")
    except CryptoError as error:
        raise InvalidClientError("the assertion is no JWT", status_code=401) from error
    if not isinstance(subject, str) or not subject:
        raise InvalidClientError("the assertion has no subject", status_code=401)
    return subject


def proves(assertion: str, client: RegisteredClient | None, *, endpoints: Collection[str], by: ProofNeeds) -> bool:
    """Whether `client` signed the assertion for us, just now, and it comes for the first time.

    `endpoints` are the addresses that a platform without FAPI may name as audience besides the issuer.

    Raises:
        OnEventLoopError: The platform's keys must be fetched.
    """
    now = by.clock.now()
    if client is None:
        _as_much_work(assertion)
        return False
    try:
        _, claims = by.key_sets.verify(client, assertion, typs=TYPS, algs=_algs(client))  # 9. and 10.
    except CryptoError:
        return False
    until = _until(claims, now, FAPI_LIFE if client.metadata.fapi else LIFE)
    fits = (
        claims.get("iss") == client.client_id  # 1.
        and claims.get("sub") == client.client_id  # 2.
        and _is_for_us(claims.get("aud"), client, endpoints, by.issuer)  # 3.
        and until is not None  # 4. to 6.
        and _is_name(claims.get("jti"))  # 7.
    )
    return fits and until is not None and _first_time(str(claims["jti"]), client, until + PAST, by=by)


def _algs(client: RegisteredClient) -> tuple[str, ...]:
    registered = client.metadata.token_endpoint_auth_signing_alg
    allowed = client.metadata.signature_algs
    return tuple(alg for alg in allowed if registered in (None, alg))


def _is_for_us(audience: Any, client: RegisteredClient, endpoints: Collection[str], issuer: str) -> bool:
    if client.metadata.fapi:  # FAPI 2.0 §5.3.2.1: the issuer, as one text.
        return isinstance(audience, str) and audience == issuer
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        return False
    return bool({issuer, *endpoints} & set(named))


def _until(claims: Mapping[str, Any], now: datetime, life: timedelta) -> datetime | None:
    """Return when the assertion ends, None where its times do not fit."""
    ends, begins, made = (_moment(claims.get(name)) for name in ("exp", "nbf", "iat"))
    if ends is None or ends + PAST <= now or ends > now + life + FUTURE:
        return None
    for name, moment in (("nbf", begins), ("iat", made)):
        if name in claims and (moment is None or moment > now + FUTURE):
            return None
    return ends


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_name(jti: Any) -> bool:
    # Half a character, which JSON can hold and UTF-8 cannot, is not printable.
    return isinstance(jti, str) and 0 < len(jti) <= MAX_JTI and jti.isprintable()


def _first_time(jti: str, client: RegisteredClient, until: datetime, *, by: ProofNeeds) -> bool:
    key = by.keyed.of("assertion", f"{client.client_id}|{jti}")
    with by.database.write_core() as connection:
        first = spend(connection, key, until)
    if not first:  # A refusal that is remembered: somebody holds what only the platform sent.
        with by.database.write() as session:
            audit.record(
                session,
                at=by.clock.now(),
                action="client.authenticate",
                subject=client.client_id,
                result="refused",
                reason="replay",
            )
    return first


def _as_much_work(assertion: str) -> None:
    """Check a signature for a platform that there is not: the time taken does not tell."""
    try:
        key = {**_STRANGER, "kid": peek(assertion)[0].get("kid")}
        verify_foreign_jwt(assertion, {"keys": [key]}, typs=TYPS, algs=(ES256,))
    except CryptoError:
        return
