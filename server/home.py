"""The start page; in a demo also what to try, with which account."""

from __future__ import annotations

import json
from typing import Any

import qrcode
from fastapi import APIRouter, Request
from qrcode.image.svg import SvgPathImage
from starlette.responses import Response

from kernel.access import allow
from kernel.pages import data_uri, pages_of
from server.parts import Parts

router = APIRouter()


@router.get("/", dependencies=[allow("anyone")])
async def home(request: Request) -> Response:
    """Show the ways in."""
    parts: Parts = request.app.state.parts
    return pages_of(request).render(request, "home.html", {"demo": _demo(parts)})


@router.get("/healthz", dependencies=[allow("anyone")])
async def healthz() -> dict[str, str]:
    """Say that this process answers."""
    return {"status": "ok"}


def _demo(parts: Parts) -> dict[str, Any] | None:
    path = parts.settings.data_dir / "demo.json"
    if not parts.installation.demo or not path.exists():
        return None
    demo: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for account in demo["accounts"]:
        picture = qrcode.make(account["otpauth"], image_factory=SvgPathImage, border=2)
        account["qr"] = data_uri("image/svg+xml", picture.to_string())
    return demo
