"""A platform that calls the machine endpoints without a browser: with proofs, certificates, assertions, odd headers."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from crypto.encoding import b64u
from crypto.hashes import sha256
from crypto.jose import assemble
from crypto.keys import ES256, PrivateKey, generate_key
from idp.levels import ACR_ONE
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import Grant
from idp.oauth.requests import Call
from idp.oauth.server import Answer
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.nonces import current_nonce
from kernel.ids import new_id
from tests.integration.idp.conftest import CALLBACK, VERIFIER, Human, World

CERTIFICATE = b"a certificate, as a trusted listener saw it"
_SIGNED_IN = {"acr": ACR_ONE, "amr": "pwd"}


@cache
def key_of(alg: str = ES256, name: str = "a") -> PrivateKey:  # noqa: ARG001 - one key a name
    """Return a key, always the same one by that name."""
    return generate_key(alg)


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: PrivateKey) -> str:
    """Sign whatever is given, sense or nonsense."""
    parts = ".".join(b64u(_json(part)) for part in (header, claims)).encode()
    return assemble(parts, key.sign(parts))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


def proof(
    world: World,
    key: PrivateKey,
    url: str,
    *,
    method: str = "POST",
    access: str | None = None,
    nonce: str | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a DPoP proof; a claim or header given as None is left out."""
    jwk = {name: value for name, value in key.public.jwk.items() if name not in ("kid", "alg")}
    head = {"typ": "dpop+jwt", "alg": key.alg, "jwk": jwk, **(header or {})}
    body = {
        "jti": secrets.token_urlsafe(12),
        "htm": method,
        "htu": url,
        "iat": int(world.clock.now().timestamp()),
        "nonce": nonce,
        "ath": b64u(sha256(access.encode())) if access else None,
        **claims,
    }
    return signed(_without_none(head), _without_none(body), key)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Machine:
    """A platform at the machine endpoints. With a `key`, each request has a fresh DPoP proof."""

    world: World
    platform: ClientCredentials
    key: PrivateKey | None = None
    certificate: bytes | None = None
    assertion_key: PrivateKey | None = None
    nonce: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def token(self, fields: Mapping[str, str | None], **headers: str) -> Answer:
        """Send a token request."""
        return self._post("/oauth/token", fields, headers, self.world.idp.oauth.token)

    def credentials(self, **fields: str | None) -> Answer:
        return self.token({"grant_type": "client_credentials", **fields})

    def redeem(self, code: str, **fields: str | None) -> Answer:
        return self.token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER,
                **fields,
            }
        )

    def refresh(self, token: str, **fields: str | None) -> Answer:
        return self.token({"grant_type": "refresh_token", "refresh_token": token, **fields})

    def exchange(self, token: str, **fields: str | None) -> Answer:
        return self.token(
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": token,
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                **fields,
            }
        )

    def introspect(self, token: str, **headers: str) -> Answer:
        server = self.world.idp.oauth
        return self._post(
            "/oauth/introspect", {"token": token}, headers, lambda call: server.endpoint("introspection", call)
        )

    def revoke(self, token: str, **fields: str | None) -> Answer:
        server = self.world.idp.oauth
        return self._post(
            "/oauth/revoke", {"token": token, **fields}, {}, lambda call: server.endpoint("revocation", call)
        )

    def userinfo(self, access: str, *, method: str = "GET", scheme: str | None = None, **headers: str) -> Answer:
        """Ask the userinfo endpoint, with a proof where there is a key."""
        url = f"{self.world.issuer}/oauth/userinfo"
        sent = {"authorization": f"{scheme or ('DPoP' if self.key else 'Bearer')} {access}"}
        if self.key:
            sent["dpop"] = proof(self.world, self.key, url, method=method, access=access, nonce=self.nonce)
        call = Call(method, "/oauth/userinfo", {**sent, **headers}, b"", self.certificate)
        return self.world.idp.oauth.userinfo(call)

    def _post(self, path: str, fields: Mapping[str, str | None], headers: Mapping[str, str], to: Any) -> Answer:
        form = {name: value for name, value in fields.items() if value is not None}
        sent = {"content-type": "application/x-www-form-urlencoded", **self.headers}
        if self.assertion_key is not None:
            form |= {
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self._assertion(self.assertion_key),
            }
        elif self.platform.client_secret:
            basic = base64.b64encode(f"{self.platform.client_id}:{self.platform.client_secret}".encode())
            sent["authorization"] = f"Basic {basic.decode()}"
        else:
            form["client_id"] = self.platform.client_id
        if self.key is not None and path == "/oauth/token":
            sent["dpop"] = proof(self.world, self.key, f"{self.world.issuer}{path}", nonce=self.nonce)
        answer: Answer = to(Call("POST", path, {**sent, **headers}, urlencode(form).encode(), self.certificate))
        return answer

    def _assertion(self, key: PrivateKey) -> str:
        now = int(self.world.clock.now().timestamp())
        client = self.platform.client_id
        claims = {"iss": client, "sub": client, "aud": self.world.issuer, "iat": now, "exp": now + 60}
        header = {"alg": key.alg, "kid": key.key_id}
        return signed(header, {**claims, "jti": secrets.token_urlsafe(12)}, key)


def fapi_platform(world: World, **changes: Any) -> Machine:
    """Register a platform under FAPI 2.0, with DPoP unless told otherwise; its machine has both keys and a nonce."""
    own = key_of(ES256, "assertion")
    platform = world.platform(
        **{
            "xinji_profile": "fapi2",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(own.public.jwk)]},
            "id_token_signed_response_alg": "ES256",
            "dpop_bound_access_tokens": True,
            "require_pushed_authorization_requests": True,
            **changes,
        }
    )
    machine = Machine(world, platform, key=key_of(), assertion_key=own)
    machine.nonce = nonce_of(world)
    return machine


def nonce_of(world: World) -> str:
    """Return the nonce of now."""
    return current_nonce(world.idp.keyed, world.clock.now())


def grant_code(world: World, platform: ClientCredentials, human: Human | None = None, **columns: Any) -> str:
    """Keep a grant as the authorization endpoint would, and return its code."""
    human = human or world.person(name=f"人{secrets.token_hex(4)}")
    now = world.clock.now()
    code = secrets.token_urlsafe(24)
    scope = columns.pop("scope", "openid profile offline_access")
    values = {
        "code_hash": tokens.code_hash(world.idp.keyed, code),
        "client_id": platform.client_id,
        "person_id": human.id,
        "session_id": new_id(),
        "sub": f"sub-{secrets.token_hex(8)}",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "offline": "offline_access" in scope.split(),
        "code_challenge": b64u(sha256(VERIFIER.encode())),
        "auth_time": now - timedelta(minutes=1),
        "created_at": now,
        "code_expires_at": now + tokens.CODE_LIFE,
        "expires_at": now + tokens.ACCESS_LIFE,
        **_SIGNED_IN,
        **columns,
    }
    with world.database.write() as session:
        session.add(Grant(**values))
    return code
