"""Time-based one-time passwords (RFC 6238) and their QR. Pure: the moment and the last used step are parameters."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Final

import pyotp
import qrcode
from qrcode.image.svg import SvgPathImage

from crypto.hashes import equal
from kernel.pages import data_uri

STEP: Final = 30
DIGITS: Final = 6
ISSUER: Final = "信籍"


def new_secret() -> str:
    """Return a fresh 160-bit secret in base32."""
    return pyotp.random_base32()


def matching_step(secret: str, code: str, *, at: datetime, after: int) -> int | None:
    """Return the time step that `code` belongs to, one step early or late included; None where it fits none.

    A step up to and including `after` was used already and fits no more (RFC 6238 §5.2).
    """
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    otp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP)
    now = int(at.timestamp()) // STEP
    fitting = [step for step in (now - 1, now, now + 1) if equal(otp.generate_otp(step).encode(), code.encode())]
    return next((step for step in fitting if step > after), None)


def code_at(secret: str, at: datetime) -> str:
    """Return the code of the step that holds `at`."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP).generate_otp(int(at.timestamp()) // STEP)


def provisioning_uri(secret: str, account: str) -> str:
    """Return the `otpauth:` address that an authenticator app reads from the QR."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP).provisioning_uri(name=account, issuer_name=ISSUER)


def qr_picture(text: str) -> str:
    """Return a QR of `text` as an SVG data: address."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=2)
    code.add_data(text)
    code.make(fit=True)
    out = io.BytesIO()
    code.make_image(image_factory=SvgPathImage).save(out)
    return data_uri("image/svg+xml", out.getvalue())
