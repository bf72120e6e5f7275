"""Receipts to take away, as JSON and as a table (PIPL article 45). Pure: rows in, text out.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and what stands
there was typed by a platform's owner: such cells get an apostrophe in front (CWE-1236).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from idp.models import Consent

COLUMNS: Final = (
    "id",
    "client_id",
    "platform",
    "owner",
    "purpose",
    "legal_basis",
    "scope",
    "claims",
    "authorization_details",
    "text_version",
    "language",
    "given_at",
    "given_by",
    "guardianship",
    "until",
    "ended_at",
    "ending",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_json(receipts: Iterable[Consent]) -> str:
    """Return the receipts as a JSON array."""
    return json.dumps([_plain(receipt) for receipt in receipts], ensure_ascii=False, indent=2)


def as_csv(receipts: Iterable[Consent]) -> str:
    """Return the receipts as CSV (RFC 4180) that a spreadsheet opens: with a byte order mark, formulas disarmed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for receipt in receipts:
        values = _plain(receipt)
        writer.writerow([_cell(values[column]) for column in COLUMNS])
    return "\ufeff" + text.getvalue()


def _plain(receipt: Consent) -> dict[str, Any]:
    mine = receipt.given_by == receipt.person_id
    return {
        "id": str(receipt.id),
        "client_id": receipt.client_id,
        "platform": receipt.name,
        "owner": receipt.owner,
        "purpose": receipt.purpose,
        "legal_basis": receipt.basis,
        "scope": receipt.scope,
        "claims": receipt.fields["claims"],
        "authorization_details": receipt.fields["details"],
        "resources": receipt.fields.get("resources", []),
        "text_version": receipt.text_version,
        "language": receipt.language,
        "given_at": receipt.given_at.isoformat(),
        "given_by": "holder" if mine else "guardian",
        "guardianship": None if receipt.guardianship_id is None else str(receipt.guardianship_id),
        "until": receipt.until.isoformat(),
        "ended_at": _moment(receipt.withdrawn_at),
        "ending": receipt.ending,
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = " ".join(value) if all(isinstance(one, str) for one in value) else json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
