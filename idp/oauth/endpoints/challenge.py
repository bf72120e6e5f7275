"""How the userinfo endpoint refuses (RFC 6750 §3, RFC 9449 §7.1): status, `WWW-Authenticate`, body. Pure.

Fixed words only. Without any token the answer says just which schemes there are; it names an
error only to who showed a token.
"""

from __future__ import annotations

from typing import Final

from authlib.oauth2 import OAuth2Error

from idp.errors import IdpError
from idp.oauth.errors import InsufficientScopeError, MissingTokenError, TwoTokensError
from idp.oauth.requests import Call
from idp.oauth.tokens.proofs import ALGS
from idp.oauth.tokens.refusals import UseDpopNonceError

Refused = tuple[int, dict[str, str], list[tuple[str, str]]]
"""Status, body, headers."""
_ALGS: Final = f'algs="{" ".join(ALGS)}"'
_STATUS: Final[dict[type[Exception], int]] = {InsufficientScopeError: 403, TwoTokensError: 400}


def refused(call: Call, error: IdpError | OAuth2Error) -> Refused:
    """Return the answer to a call that showed no token, or none that is good enough."""
    if isinstance(error, MissingTokenError):
        return 401, {}, [("WWW-Authenticate", f'Bearer realm="userinfo", DPoP {_ALGS}')]
    code, words = _said(error)
    dpop = isinstance(error, OAuth2Error) or call.headers.get("authorization", "")[:5].lower() == "dpop "
    told = f'error="{code}", error_description="{words}"'
    headers = [("WWW-Authenticate", f"DPoP {told}, {_ALGS}" if dpop else f"Bearer {told}")]
    if isinstance(error, UseDpopNonceError):
        headers.append(("DPoP-Nonce", error.nonce))
    return _STATUS.get(type(error), 401), {"error": code, "error_description": words}, headers


def _said(error: IdpError | OAuth2Error) -> tuple[str, str]:
    if isinstance(error, OAuth2Error):
        return str(error.error), str(error.description)
    return error.code, str(error)
