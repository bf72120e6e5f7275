"""A relying party that does what the official test plans do: it registers itself, and sends what they send, no more.

No PKCE and no scope but `openid` unless a module says so; keys without a `kid`; plain links, forms and redirects.
"""

from __future__ import annotations

import base64
import secrets
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from crypto.jose import half_hash
from crypto.jose_foreign import verify_foreign_jwt
from crypto.keys import RS256, PrivateKey, generate_key
from idp.oauth.clients.assertions import TYPE
from tests.integration.idp.conftest import Human, World
from tests.integration.idp.landing import Landing, landing
from tests.integration.idp.machine import signed
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.registering import Registrar

HOME: Final = "https://suite.example/test/a/xinji"
CALLBACK: Final = f"{HOME}/callback"
TYPES: Final = ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token")
PLANS: Final = (*((name, None) for name in TYPES), ("code", "form_post"))
"""Response types and modes of the Basic, Implicit, Hybrid and Form Post plans."""


@cache
def rsa_key(name: str = "") -> PrivateKey:  # noqa: ARG001 - one key a name
    return generate_key(RS256)


def jwk_of(key: PrivateKey, **members: str) -> dict[str, Any]:
    bare = {name: value for name, value in key.public.jwk.items() if name != "kid"}
    return {**bare, "use": "sig", **members}


class Relying:
    """One client of the plan, a person, and that person's browser, in which nobody is signed in yet."""

    def __init__(
        self,
        world: World,
        response_type: str = "code",
        mode: str | None = None,
        *,
        human: Human | None = None,
        **more: Any,
    ) -> None:
        self.world = world
        self.response_type = response_type
        self.mode = mode
        self.key = rsa_key()
        parts = response_type.split()
        grants = [*(["authorization_code"] if "code" in parts else []), *(["implicit"] if parts != ["code"] else [])]
        self.client = Registrar(world, require_pkce=False).registered(
            **{
                "client_name": "suite",
                "grant_types": grants,
                "response_types": [response_type],
                "redirect_uris": [CALLBACK],
                "jwks": {"keys": [jwk_of(self.key)]},
                "token_endpoint_auth_method": "client_secret_basic",
                "contacts": ["certification@suite.example"],
                **more,
            }
        )
        self.human = human or somebody(world)
        self.browser: PlainBrowser = world.browser()
        self.metadata: dict[str, Any] = world.browser().http.get("/.well-known/openid-configuration").json()

    def address(self, **changes: Any) -> str:
        values = {
            "client_id": self.client["client_id"],
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "response_type": self.response_type,
            "response_mode": self.mode,
            **changes,
        }
        return self.at("authorization_endpoint") + "?" + urlencode({n: v for n, v in values.items() if v is not None})

    def at(self, endpoint: str) -> str:
        return str(self.metadata[endpoint]).removeprefix(self.world.issuer)

    def visit(self, **changes: Any) -> Any:
        """Follow the link; return the page that the person sees, or the redirect to the client."""
        return self.browser.get(self.address(**changes))

    def through(self, page: Any) -> Landing:
        """Fill in what is asked until the client has its answer."""
        for _ in range(3):
            forms = {form.id for form in self.browser.forms()} if page.status_code == 200 else set()
            if "signin" in forms:
                page = self.world.fill_in(self.human, self.browser).page
            elif "consent" in forms:
                page = self.browser.submit("consent", decision="allow")
            else:
                break
        return landing(page)

    def ask(self, **changes: Any) -> Landing:
        """Go through a whole authorization; the answer comes the way that was asked for, with the state."""
        sent = {"state": secrets.token_urlsafe(8), **changes}
        landed = self.through(self.visit(**sent))
        assert landed.uri == CALLBACK
        assert landed.way == self.way
        assert landed.params.get("state") == sent["state"]
        assert landed.params["iss"] == self.world.issuer
        return landed

    @property
    def way(self) -> str:
        return self.mode or ("query" if self.response_type == "code" else "fragment")

    def told(self, token: str, *, nonce: str | None = None, code: str | None = None, access: str | None = None) -> Any:
        """Return the claims of an ID token after the checks of OIDC Core §3.1.3.7 with the keys of the JWKS."""
        keys = self.world.browser().http.get(self.at("jwks_uri")).json()
        header, claims = verify_foreign_jwt(token, keys, typs=(None, "JWT"), algs=(RS256,))
        assert header["kid"] in [key["kid"] for key in keys["keys"] if key["kty"] == "RSA"]
        now = self.world.clock.now().timestamp()
        assert (claims["iss"], claims["aud"]) == (self.world.issuer, self.client["client_id"])
        assert claims["iat"] <= now < claims["exp"]
        assert 0 < len(claims["sub"]) <= 255
        assert claims.get("nonce") == nonce
        assert claims.get("c_hash") == (half_hash(RS256, code) if code else None)
        if access is not None:
            assert claims["at_hash"] == half_hash(RS256, access)
        return claims

    def redeem(self, code: str, **changes: str | None) -> Any:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.post("token_endpoint", **{**fields, **changes})

    def refresh(self, token: str, **changes: str | None) -> Any:
        return self.post("token_endpoint", grant_type="refresh_token", refresh_token=token, **changes)

    def post(self, endpoint: str, **fields: str | None) -> Any:
        """Post a form, authenticated in the way that the client registered."""
        headers, proof = self.authentication()
        data = {name: value for name, value in {**proof, **fields}.items() if value is not None}
        return self.world.browser().http.post(self.at(endpoint), data=data, headers={"accept": "*/*", **headers})

    def authentication(self) -> tuple[dict[str, str], dict[str, str]]:
        client_id, method = self.client["client_id"], self.client["token_endpoint_auth_method"]
        if method == "client_secret_basic":
            basic = base64.b64encode(f"{client_id}:{self.client['client_secret']}".encode()).decode()
            return {"authorization": f"Basic {basic}"}, {}
        if method == "client_secret_post":
            return {}, {"client_id": client_id, "client_secret": self.client["client_secret"]}
        return {}, {"client_assertion_type": TYPE, "client_assertion": self.assertion()}

    def assertion(self, **changes: Any) -> str:
        now = int(self.world.clock.now().timestamp())
        client_id = self.client["client_id"]
        audience = self.world.issuer + self.at("token_endpoint")
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": secrets.token_urlsafe(15)}
        return signed({"alg": RS256}, {**claims, "iat": now, "exp": now + 60, **changes}, self.key)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """Return what the token endpoint gave for a fresh code, and the code itself."""
        landed = self.ask(**changes)
        answer = self.redeem(landed.params["code"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        return {**answer.json(), "code": landed.params["code"]}

    def access(self, **changes: Any) -> str:
        """Return an access token, from wherever the response type gives one."""
        if "token" in self.response_type.split():
            return self.ask(**changes).params["access_token"]
        return str(self.tokens(**changes)["access_token"])

    def userinfo(self, access: str) -> Any:
        return self.world.browser().http.get(
            self.at("userinfo_endpoint"), headers={"authorization": f"Bearer {access}", "accept": "*/*"}
        )


def somebody(world: World) -> Human:
    """Return a person with a password, signed in nowhere that matters."""
    human = world.person(name=f"人{secrets.token_hex(3)}")
    world.activate(human, factor=False)
    return human
