"""How strongly the platform wants the person to have signed in (OIDC Core §3.1.2.1, §5.5.1.1). Pure.

Two factors meet a wish for one. A wish is met where that can be; only an essential one, which
the `claims` parameter alone can make, is a reason to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from idp.levels import ACR_ONE, ACR_TWO, ACR_VALUES, acr_of


@dataclass(frozen=True, slots=True)
class AcrWish:
    """Authentication context classes in order of preference."""

    values: tuple[str, ...] = ()
    essential: bool = False

    @property
    def hopeless(self) -> bool:
        """Whether it insists on classes that nobody reaches here."""
        return self.essential and not set(self.values) & set(ACR_VALUES)


def lacks_factor(wish: AcrWish, amr: Iterable[str]) -> bool:
    """Whether a second factor would meet the wish, and what was used does not."""
    if acr_of(amr) == ACR_TWO:
        return False
    known = [value for value in wish.values if value in ACR_VALUES]
    if wish.essential:
        return set(known) == {ACR_TWO}
    return bool(known) and known[0] == ACR_TWO


def acr_told(wish: AcrWish, amr: Iterable[str]) -> str:
    """Return the class to tell: what was reached, or the lower one that the platform insists on (§5.5.1.1)."""
    reached = acr_of(amr)
    if wish.essential and reached not in wish.values and ACR_ONE in wish.values:
        return ACR_ONE
    return reached
