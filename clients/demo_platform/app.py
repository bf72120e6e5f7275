"""The platform: a sign-in button, the callback, the claims received, sign-out. On Authlib's stock client.

Everything that concerns OpenID Connect is what any platform would write: discovery, the code
flow with PKCE, ID token and userinfo checked by the library, and RP-initiated logout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.integrations.starlette_client import OAuth, OAuthError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from clients.demo_platform import big_screen
from clients.demo_platform.memory import MemorySessions

HERE: Final = Path(__file__).parent
SCOPE: Final = "openid profile eid aff"
LABELS: Final = {
    "sub": "本平台专用代号",
    "name": "姓名",
    "eid": "个人编号",
    "school_code": "学校代码",
    "aff": "所在学校和身份",
    "age_band": "年龄段",
    "loa": "身份核验等级",
    "acr": "登录强度",
    "amr": "登录方式",
    "auth_time": "登录时间",
}


class Platform:
    """One platform: its name, its addresses, and its client at the provider."""

    def __init__(
        self,
        *,
        name: str,
        issuer: str,
        client_id: str,
        client_secret: str,
        base_url: str,
        scope: str = SCOPE,
        http: dict[str, Any] | None = None,
    ) -> None:
        """`http` goes to the HTTP client as it is: a test brings its transport."""
        self.name = name
        self.base_url = base_url
        self.pages = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self.provider = OAuth().register(
            "xinji",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": scope, "code_challenge_method": "S256", "timeout": 10, **(http or {})},
        )

    async def home(self, request: Request) -> Response:
        """Show the sign-in button, or the claims of who is signed in."""
        return self._page("home.html", claims=_rows(request.session.get("claims")), note=None)

    async def sign_in(self, request: Request) -> Response:
        """Send the browser to the provider; `prompt` and `max_age` may be tried out."""
        more = {key: request.query_params[key] for key in ("prompt", "max_age") if key in request.query_params}
        answer: Response = await self.provider.authorize_redirect(request, f"{self.base_url}/callback", **more)
        return answer

    async def callback(self, request: Request) -> Response:
        """Take the provider's answer: check who sent it, redeem the code, read userinfo."""
        metadata = await self.provider.load_server_metadata()
        if request.query_params.get("iss") != metadata["issuer"]:  # RFC 9207 §2.4: a mix-up stops here.
            return self._refused("invalid_issuer", "the answer is not from our provider")
        try:
            token = await self.provider.authorize_access_token(request)
            told = await self.provider.userinfo(token=token)
        except OAuthError as error:
            return self._refused(error.error, error.description)
        if told["sub"] != token["userinfo"]["sub"]:  # OIDC Core §5.3.2.
            return self._refused("invalid_userinfo", "userinfo tells of somebody else")
        signed = token["userinfo"]
        request.session.clear()
        request.session["sub"] = told["sub"]
        request.session["id_token"] = token["id_token"]
        request.session["claims"] = {**dict(told), **{key: signed[key] for key in ("acr", "amr", "auth_time")}}
        return RedirectResponse("/", status_code=303)

    async def sign_out(self, request: Request) -> Response:
        """Sign out here, and ask the provider to sign out too (RP-Initiated Logout)."""
        hint = request.session.get("id_token")
        request.session.clear()
        if hint is None:
            return RedirectResponse("/", status_code=303)
        answer: Response = await self.provider.logout_redirect(
            request, post_logout_redirect_uri=f"{self.base_url}/bye", id_token_hint=hint
        )
        return answer

    async def bye(self, request: Request) -> Response:
        """Say that both have signed out; only after our own request."""
        try:
            await self.provider.validate_logout_response(request)
        except OAuthError as error:
            return self._refused(error.error, error.description)
        return self._page("home.html", claims=None, note="您已在本平台和信籍退出登录。")

    async def screen(self, request: Request) -> Response:
        """Show the codes of the device flow, and at each look ask whether somebody has allowed it."""
        waiting = request.session.get("device")
        if waiting is None:
            asked = await big_screen.ask(self.provider)
            if "error" in asked:
                return self._refused(asked["error"], asked.get("error_description"))
            request.session["device"] = asked
            return self._screen(asked)
        told = await big_screen.poll(self.provider, waiting["device_code"])
        if told.get("error") in big_screen.WAITING:
            if told["error"] == "slow_down":
                waiting["interval"] += big_screen.SLOWER
            return self._screen(waiting)
        del request.session["device"]
        if "error" in told:
            return self._refused(told["error"], told.get("error_description"))
        signed = await self.provider.parse_id_token(told, nonce=None)
        claims = dict(await self.provider.userinfo(token=told))
        if claims["sub"] != signed["sub"]:
            return self._refused("invalid_userinfo", "userinfo tells of somebody else")
        request.session.clear()
        request.session["sub"] = signed["sub"]
        request.session["id_token"] = told["id_token"]
        request.session["claims"] = {**claims, **{key: signed[key] for key in ("acr", "amr", "auth_time")}}
        return RedirectResponse("/", status_code=303)

    def _screen(self, waiting: dict[str, Any]) -> Response:
        return self._page(
            "screen.html",
            picture=big_screen.qr_svg(waiting["verification_uri_complete"]),
            user_code=waiting["user_code"],
            verification_uri=waiting["verification_uri"],
            interval=waiting["interval"] + 1,  # A second more than asked for: a clock may be off.
        )

    def _refused(self, error: str, description: str | None) -> Response:
        note = "您没有同意，所以没有登录，也没有资料被发送。" if error == "access_denied" else "登录没有完成。"
        return self._page("refused.html", 400, note=note, error=error, description=description or "")

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        text = self.pages.get_template(template).render(name=self.name, base_url=self.base_url, **values)
        headers = {
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' http: https:; "
            "base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return HTMLResponse(text, status, headers)


def demo_platform(
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    base_url: str,
    *,
    scope: str = SCOPE,
    http: dict[str, Any] | None = None,
) -> Starlette:
    """Return the platform as an ASGI application."""
    platform = Platform(
        name=name,
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        base_url=base_url,
        scope=scope,
        http=http,
    )
    address = urlsplit(base_url)
    cookie = f"platform_{address.port or address.scheme}"
    return Starlette(
        routes=[
            Route("/", platform.home),
            Route("/login", platform.sign_in),
            Route("/callback", platform.callback),
            Route("/logout", platform.sign_out, methods=["POST"]),
            Route("/bye", platform.bye),
            Route("/screen", platform.screen),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(MemorySessions, cookie=cookie, secure=address.scheme == "https")],
    )


def _rows(claims: dict[str, Any] | None) -> list[tuple[str, str, str]] | None:
    if claims is None:
        return None
    return [(LABELS.get(claim, claim), claim, _text(value)) for claim, value in claims.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
