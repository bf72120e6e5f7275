"""Check a share here, for a browser that cannot: look it up, open it, verify it.

Elsewhere the code's key never reaches the server. Here the reader sends the code, because
there is no other way without JavaScript; it lives in this call only and is written nowhere.
"""

from __future__ import annotations

import json
from typing import Any

from credentials.ports import CredentialServices
from credentials.share_code import keys_of
from credentials.share_lookup import look_up
from credentials.verification import open_trust, verify
from crypto.sm4 import unseal_with_nonce


def check_share(by: CredentialServices, code: str, *, pin: str | None, address: str) -> dict[str, Any]:
    """Return the report (format xinji/report/1) on the share that `code` opens.

    Raises:
        InvalidShareCodeError: The code is mistyped; nothing was looked up.
        ShareUnknownError, ShareExpiredError, ShareWithdrawnError, PinNeededError,
        ShareLockedError, TooManyLookupsError: As `look_up`.
        DecryptionError: What is stored does not open with this code.
    """
    keys = keys_of(code)
    found = look_up(by, keys.id, pin=pin, address=address)
    bundle = json.loads(unseal_with_nonce(keys.key, found.nonce, found.ciphertext, keys.id))
    # As the page does on the reader's device: what is fresh takes the place of what was sealed.
    bundle |= {"status": found.status, "anchor": found.anchor or bundle.get("anchor")}
    now = by.clock.now()
    return verify(bundle, open_trust(by.trust_file(), now=now), now=now)
