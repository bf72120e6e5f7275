"""What two credentials may not have in common, as keyed blind indices. Pure.

A certificate number names one credential of a school; an award (one person, one level, one
type, one school) has one live credential. Both are found without storing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crypto.blind import BlindIndex


def number_index(blind: BlindIndex, vct: str, issuer_code: str, number: str) -> bytes:
    """Return the index of a certificate number within type and issuer."""
    return blind.of(f"cert-number:v1|{vct}|{issuer_code}|{number}")


def award_index(blind: BlindIndex, vct: str, issuer_code: str, person_id: UUID, claims: Mapping[str, Any]) -> bytes:
    """Return the index of what was awarded to whom by whom."""
    return blind.of(f"award:v1|{vct}|{issuer_code}|{person_id}|{claims.get('level', '')}")
