"""A platform that proves who it is with its own key: assertions made by hand, right and wrong ones."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from crypto.encoding import b64u
from crypto.keys import ES256, PrivateKey, generate_key
from idp.oauth.clients.assertions import TYPE
from tests.integration.idp.conftest import World

REVOKE = "/oauth/revoke"


def jwk_of(key: PrivateKey, **changes: Any) -> dict[str, Any]:
    return {**key.public.jwk, "use": "sig", **changes}


def jwt(header: dict[str, Any], claims: Any, key: PrivateKey | None) -> str:
    """Return a JWT whose header says what it is told, signed with `key`."""
    signed = f"{b64u(json.dumps(header).encode())}.{b64u(json.dumps(claims).encode())}"
    return f"{signed}.{b64u(key.sign(signed.encode())) if key else ''}"


class Prover:
    """A platform with `private_key_jwt`; a proof is tried at the revocation endpoint, which writes nothing."""

    def __init__(self, world: World, alg: str = ES256, **metadata: Any) -> None:
        self.world = world
        self.key = generate_key(alg)
        keys = {} if "jwks_uri" in metadata else {"jwks": {"keys": [jwk_of(self.key)]}}
        self.platform = world.platform(
            **{"token_endpoint_auth_method": "private_key_jwt", "redirect_uris": ["http://127.0.0.1:8001/callback"]}
            | keys
            | metadata
        )
        self.id = self.platform.client_id

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims; a change to None leaves one out."""
        now = int(self.world.clock.now().timestamp())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": self.world.issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 60,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return an assertion that this platform signed."""
        head = {"alg": self.key.alg, "kid": self.key.key_id, **(header or {})}
        return jwt({name: value for name, value in head.items() if value is not None}, self.claims(**changes), self.key)

    def send(self, assertion: str | None = None, **form: str | None) -> Any:
        """Send an assertion; a change to None leaves a parameter out."""
        fields = {
            "token": "xat_unknown",
            "client_assertion_type": TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
            **form,
        }
        data = {name: value for name, value in fields.items() if value is not None}
        return self.world.browser().http.post(REVOKE, data=data)


def refused(answer: Any) -> bool:
    """Whether an answer is the one refusal that all wrong proofs get."""
    return bool(answer.status_code == 401 and answer.json()["error"] == "invalid_client")
