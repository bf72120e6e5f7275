"""Whether a redirect_uri is one that the platform registered: sign for sign, but for a native app's port. Pure.

A native app listens on whatever port it gets, so the port of a loopback address is open
(RFC 8252 §7.3). `localhost` is no such address: it may lead elsewhere (§8.3), and is compared
as everything else.
"""

from __future__ import annotations

import re
from typing import Final

from idp.oauth.clients.metadata import ClientMetadata

_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)", re.DOTALL)
_LAST_PORT: Final = 65_535


def is_registered(metadata: ClientMetadata, uri: str) -> bool:
    """Return whether the platform may have answers sent to `uri`."""
    if uri in metadata.redirect_uris:
        return True
    if metadata.application_type != "native":
        return False
    wanted = _without_port(uri)
    return wanted is not None and wanted in {_without_port(registered) for registered in metadata.redirect_uris}


def _without_port(uri: str) -> tuple[str, str] | None:
    found = _LOOPBACK.fullmatch(uri)
    if found is None or int(found[2] or 1) > _LAST_PORT:
        return None
    return found[1], found[3]
