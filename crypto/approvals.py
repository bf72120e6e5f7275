"""Leave to sign a batch of credentials: who gave it, for which items, until when.

The approval carries a MAC over all of that, which the signer checks itself, so that whoever
reaches the signer can have signed what was approved and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from crypto.canonical import canonical_json
from crypto.errors import InvalidEncodingError
from crypto.hashes import hmac_sm3, sm3

_TIMES = ("approved_at", "expires_at")


@dataclass(frozen=True, slots=True)
class Approval:
    """Leave to sign one batch of credentials, given by a person and sealed with the approval key.

    `owner` is the issuer, `vct` the type, `digest` what `digest_of` makes of the batch's item
    ids (each credential's `jti`), `mac` hexadecimal HMAC-SM3 over all the rest.
    """

    batch_id: str
    owner: str
    vct: str
    count: int
    digest: str
    approved_by: str
    approved_at: datetime
    expires_at: datetime
    mac: str

    def to_dict(self) -> dict[str, str | int]:
        """Return a form that JSON can carry."""
        value = {field.name: getattr(self, field.name) for field in fields(self)}
        return value | {name: getattr(self, name).isoformat() for name in _TIMES}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            InvalidEncodingError: A member is missing, too many, or no time with a zone.
        """
        try:
            approval = cls(**{**value, **{name: datetime.fromisoformat(value[name]) for name in _TIMES}})
        except (TypeError, KeyError, ValueError) as error:
            raise InvalidEncodingError("this is not an approval") from error
        texts = (approval.batch_id, approval.owner, approval.vct, approval.digest, approval.approved_by, approval.mac)
        zoned = approval.approved_at.tzinfo and approval.expires_at.tzinfo
        if not zoned or type(approval.count) is not int or not all(isinstance(text, str) for text in texts):
            raise InvalidEncodingError("this is not an approval")
        return approval

    def expected_mac(self, key: bytes) -> str:
        """Return the MAC that `key` gives this approval."""
        members = self.to_dict()
        del members["mac"]
        return hmac_sm3(key, b"xinji/approval/1\x00" + canonical_json(members)).hex()


def digest_of(item_ids: Sequence[str]) -> str:
    """Return the hexadecimal SM3 over the canonical JSON of the ids, in their order."""
    return sm3(canonical_json(list(item_ids))).hex()


def approve(  # noqa: PLR0913  # The members of an approval, by name.
    key: bytes,
    *,
    batch_id: str,
    owner: str,
    vct: str,
    item_ids: Sequence[str],
    approved_by: str,
    approved_at: datetime,
    expires_at: datetime,
) -> Approval:
    """Seal the leave to sign the credentials whose `jti` are `item_ids`."""
    bare = Approval(
        batch_id=batch_id,
        owner=owner,
        vct=vct,
        count=len(item_ids),
        digest=digest_of(item_ids),
        approved_by=approved_by,
        approved_at=approved_at,
        expires_at=expires_at,
        mac="",
    )
    return Approval(**{**{f.name: getattr(bare, f.name) for f in fields(bare)}, "mac": bare.expected_mac(key)})
