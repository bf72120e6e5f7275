"""How a resource of ours lets in who presents an access token: userinfo, a holder's credentials. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from crypto.hashes import equal
from idp.ages import came_of_age
from idp.oauth.claims import Subject
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.errors import InvalidTokenError, MissingTokenError, TwoTokensError
from idp.oauth.requests import Call, form_or_nothing
from idp.oauth.tokens.binding import thumbprint
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.nonces import current_nonce
from idp.oauth.tokens.presented import ACCESS, PresentedToken, found, look_for
from idp.oauth.tokens.proofs import ALGS, STANDARD_ALGS, read_proof
from idp.oauth.tokens.refusals import ReplayedProofError
from kernel.pages import ZONE
from kernel.store import Executor

BEARER: Final = "bearer"
DPOP: Final = "dpop"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person's access token that counts here, whose it is, and a DPoP nonce to use from now on."""

    token: PresentedToken
    person_id: UUID
    subject: Subject
    client: RegisteredClient
    nonce: str | None


def admitted(call: Call, on: Executor, *, resource: str, clients: ClientCache, by: Issuing) -> Admitted:
    """Return what the call's access token is, once it counts for `resource`.

    A token that names no resource counts for all of ours (RFC 8707 §2).

    Raises:
        MissingTokenError: There is no token.
        TwoTokensError: There is more than one.
        InvalidTokenError: It is unknown, over, revoked, for another resource, or not presented by who
            it is bound to; or the person is gone, or has come of age since somebody else consented.
        InvalidDpopProofError: It is bound to a key, and the proof is missing or not good.
        UseDpopNonceError: The proof must hold a nonce of ours.
    """
    scheme, text = presented(call)
    look = look_for(text, by)
    token = found(on, look, by) if look is not None and look.kind == ACCESS else None
    client = clients.get(token.client_id) if token is not None and token.alive else None
    if token is None or token.person_id is None or client is None:
        raise InvalidTokenError("the access token is unknown, over or revoked")
    if token.resources and resource not in token.resources:
        raise InvalidTokenError("the access token is for another resource")
    nonce = _check_sender(call, scheme, text, token, client, by=by)
    subject = by.subject_of(on, token.person_id)
    if subject is None:
        raise InvalidTokenError("the person is not known any more")
    today = by.clock.now().astimezone(ZONE).date()
    if token.granted_at is not None and came_of_age(subject.birthdate, token.granted_at.astimezone(ZONE).date(), today):
        raise InvalidTokenError("what was granted for a child ended on the 14th birthday")
    return Admitted(token, token.person_id, subject, client, nonce)


def presented(call: Call) -> tuple[str, str]:
    """Return scheme and token, from the header or a form body, never from the query (RFC 6750 §2, RFC 9700 §4.3.2).

    Raises:
        MissingTokenError: There is none.
        TwoTokensError: There is one in both places.
    """
    scheme, _, header = call.headers.get("authorization", "").partition(" ")
    form: Mapping[str, str] = {}
    if call.method == "POST":
        form = form_or_nothing(call.headers.get("content-type", ""), call.body)
    known = scheme.lower() if scheme.lower() in (BEARER, DPOP) else ""
    found_ones = [
        (name, text)
        for name, text in ((known, header.strip() if known else ""), (BEARER, form.get("access_token", "")))
        if text
    ]
    if not found_ones:
        raise MissingTokenError("there must be an access token")
    if len(found_ones) > 1:
        raise TwoTokensError("there must be one access token")
    return found_ones[0]


def _check_sender(
    call: Call, scheme: str, text: str, token: PresentedToken, client: RegisteredClient, *, by: Issuing
) -> str | None:
    """Check that who presents the token is who it is bound to; return a new nonce where one is due."""
    if token.x5t is not None and (
        call.certificate is None or not equal(thumbprint(call.certificate).encode(), token.x5t.encode())
    ):
        raise InvalidTokenError("the access token is bound to a certificate")  # RFC 8705 §3.
    if (scheme == DPOP) is not (token.jkt is not None):
        # RFC 9449 §7.2: a bound token is never taken as a Bearer token; nor is a Bearer token dressed up.
        raise InvalidTokenError("the access token is not of this type")
    if token.jkt is None:
        return None
    now = by.clock.now()
    fapi = client.metadata.fapi
    proof = read_proof(
        call,
        issuer=by.issuer,
        keyed=by.keyed,
        now=now,
        algs=STANDARD_ALGS if fapi else ALGS,
        nonce_needed=fapi,
        token=text,
    )
    if not equal(proof.jkt.encode(), token.jkt.encode()):
        raise InvalidTokenError("the access token is bound to another key")
    if not by.proofs.first(proof.use, proof.until, now=now):
        raise ReplayedProofError("the DPoP proof was used before")
    nonce = current_nonce(by.keyed, now)
    return None if proof.nonce == nonce else nonce
