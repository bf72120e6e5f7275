"""The purposes of the keys that this folder asks the signer for. Pure."""

from __future__ import annotations

from typing import Final

CREDENTIAL_KEYS: Final = "credential"
STATUS_KEYS: Final = "status"
