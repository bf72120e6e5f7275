"""What a step finds when it does not pass: a code of the shared messages, and what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import XinjiError


class FindingError(Exception):
    """A step failed or could not be made. Never leaves this folder: `verify` turns it into a step."""

    def __init__(self, code: str, detail: str = "", /, **evidence: object) -> None:
        """Keep the step's `code`, an English technical `detail` and the evidence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.evidence = evidence | ({"detail": detail} if detail else {})


class UnreadableError(XinjiError):
    """A part of a bundle or of the trust file does not have its form."""

    code = "bundle_unreadable"


@contextmanager
def found_as(code: str, /, **evidence: object) -> Iterator[None]:
    """Report any refusal of ours inside as the finding `code`."""
    try:
        yield
    except XinjiError as error:
        raise FindingError(code, str(error), **evidence) from error
