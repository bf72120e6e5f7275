"""The addresses that credentials carry, all from the installation's fixed base URL. Pure.

Never from a request: a credential's issuer, its status list and a share's link must be the
same whoever asks, through whichever proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Addresses:
    """Entity ids and links below `base_url`; `authority` is the province's 6-digit code."""

    base_url: str
    authority: str

    @property
    def host(self) -> str:
        """Host and port, as printed in words beside a QR."""
        return urlsplit(self.base_url).netloc

    @property
    def status_service(self) -> str:
        """The entity id of the province's status service."""
        return f"{self.base_url}/authorities/{self.authority}/status"

    @property
    def log_code(self) -> str:
        """The authority's code as log entries carry it: 10 digits."""
        return self.authority.rjust(10, "0")

    @property
    def log_origin(self) -> str:
        """The origin line of the installation's log."""
        return f"{self.host}/log"

    def school(self, code: str) -> str:
        """Return the entity id of the school with a 10-digit `code`."""
        return f"{self.base_url}/schools/{code}"

    def status_list(self, province: str, number: int) -> str:
        """Return the address of a status list; its SM2 twin lies at the same address + `.gm`."""
        return f"{self.base_url}/status/{province}/{number}"

    def share(self, code: str) -> str:
        """Return the link in a share's QR; the code is in the fragment, which browsers do not send."""
        return f"{self.base_url}/v#{code}"
