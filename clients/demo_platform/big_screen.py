"""Signing in on a big screen: the device flow (RFC 8628) as a classroom screen without a keyboard would do it.

The screen shows a QR and a short code; the person signs in on a phone and allows it there. The
page asks again by itself, without JavaScript, as often as the provider lets it.
"""

from __future__ import annotations

import io
from typing import Any, Final

import qrcode
from qrcode.image.svg import SvgPathFillImage

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
WAITING: Final = frozenset({"authorization_pending", "slow_down"})
SLOWER: Final = 5


async def ask(provider: Any) -> dict[str, Any]:
    """Return what the provider gives a device (RFC 8628 §3.2); `{"error": …}` where it refuses."""
    metadata = await provider.load_server_metadata()
    fields = {"scope": provider.client_kwargs["scope"]}
    return await _post(provider, metadata["device_authorization_endpoint"], fields)


async def poll(provider: Any, device_code: str) -> dict[str, Any]:
    """Ask whether somebody has decided (RFC 8628 §3.4); the answer is a token, or has an `error`."""
    metadata = await provider.load_server_metadata()
    return await _post(provider, metadata["token_endpoint"], {"grant_type": DEVICE, "device_code": device_code})


def qr_svg(address: str) -> str:
    """Return a QR of the complete address: drawn here, so that the code stands in no log of ours."""
    code = qrcode.QRCode(border=4, image_factory=SvgPathFillImage)
    code.add_data(address)
    code.make(fit=True)
    buffer = io.BytesIO()
    code.make_image().save(buffer)
    return buffer.getvalue().decode().partition("?>")[2]


async def _post(provider: Any, address: str, fields: dict[str, str]) -> dict[str, Any]:
    async with provider._get_oauth_client() as client:  # noqa: SLF001 - Authlib has no device flow; its session authenticates
        answer = await client.request(
            "POST",
            address,
            data=fields,
            withhold_token=True,
            auth=(provider.client_id, provider.client_secret),
            headers={"accept": "application/json"},
        )
    told: dict[str, Any] = answer.json()
    return told
