"""What a token is bound to: a DPoP key (RFC 9449), a client certificate (RFC 8705 §3), or nothing.

A bound token serves nobody who has only the token. Which of the two a platform must use, it
registered; FAPI 2.0 §5.3.2.1 wants one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.errors import InvalidRequestError

from crypto.encoding import b64u
from crypto.hashes import sha256
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.requests import Call
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.proofs import ALGS, STANDARD_ALGS, Proof, has_proof, read_proof


@dataclass(frozen=True, slots=True)
class Binding:
    """Thumbprints of the key and of the certificate that a token is bound to; two Nones: a bearer token."""

    jkt: str | None = None
    x5t: str | None = None
    proof: Proof | None = field(default=None, compare=False, repr=False)
    """The proof that showed the key: to be spent in the write that issues."""

    @property
    def token_type(self) -> str:
        """How the token is presented: a certificate stands behind a Bearer token too (RFC 8705 §3)."""
        return "DPoP" if self.jkt else "Bearer"


def confirmation(jkt: str | None, x5t: str | None) -> dict[str, dict[str, str]]:
    """Return the member `cnf` of introspection and JWT tokens (RFC 7800 §3.1), nothing for a bearer token."""
    methods = {name: value for name, value in (("jkt", jkt), ("x5t#S256", x5t)) if value}
    return {"cnf": methods} if methods else {}


def binding_of(call: Call, client: RegisteredClient, *, by: Issuing) -> Binding:
    """Return what a token that `call` asks for is bound to. The proof is not spent yet.

    Raises:
        InvalidDpopProofError: There is a proof, and it is not good.
        UseDpopNonceError: The proof must hold a nonce of ours.
        InvalidRequestError: A proof or a certificate is needed, and there is none.
    """
    metadata = client.metadata
    x5t = None
    if metadata.tls_client_certificate_bound_access_tokens:
        if call.certificate is None:
            raise InvalidRequestError("tokens of this client are bound to its certificate: there is none")
        x5t = thumbprint(call.certificate)
    needs_proof = metadata.dpop_bound_access_tokens or (metadata.fapi and x5t is None)
    if needs_proof and not has_proof(call):  # RFC 9449 §5 has a code for a proof that is wrong, none for a missing one.
        raise InvalidRequestError("tokens of this client are bound to a key: there is no DPoP proof")
    proof = _proof(call, client, by=by) if has_proof(call) else None
    return Binding(proof.jkt if proof else None, x5t, proof)


def proof_thumbprint(call: Call, *, by: Issuing, client: RegisteredClient | None = None) -> str | None:
    """Return the thumbprint of the key of the call's DPoP proof, None without one: for PAR (RFC 9449 §10.1).

    The proof is not spent: a repetition would bind the same request to the same key again.

    Raises:
        InvalidDpopProofError: The proof is not good.
        UseDpopNonceError: It must hold a nonce of ours.
    """
    return _proof(call, client, by=by).jkt if has_proof(call) else None


def thumbprint(certificate: bytes) -> str:
    """Return the thumbprint of a certificate in DER (RFC 8705 §3.1)."""
    return b64u(sha256(certificate))


def _proof(call: Call, client: RegisteredClient | None, *, by: Issuing) -> Proof:
    fapi = client is not None and client.metadata.fapi
    return read_proof(
        call,
        issuer=by.issuer,
        keyed=by.keyed,
        now=by.clock.now(),
        algs=STANDARD_ALGS if fapi else ALGS,
        nonce_needed=fapi,
    )
