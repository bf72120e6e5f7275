"""What can go wrong here. Nothing outside this package raises or catches these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class XinjiClientError(Exception):
    """The base of every error of this package."""


class FormatError(XinjiClientError):
    """Bytes or text that are not in the form that their format wants."""


class SignatureError(XinjiClientError):
    """A signature does not fit, or its key is not among those that may sign."""


class EngineMissingError(XinjiClientError):
    """This machine has no working SM2: the check could not be made."""


class ProofError(XinjiClientError):
    """A Merkle proof does not lead where it says."""


class TrustError(XinjiClientError):
    """A trust file that cannot be read, is not signed as it says, or may not replace the pinned one."""


class UnreachableError(XinjiClientError):
    """A place that the verifier named, its chain node or a log's files, does not answer."""


class ShareError(XinjiClientError):
    """A share code that is mistyped, or a ciphertext that it does not open."""


class CheckFailed(XinjiClientError):  # noqa: N818 - it is a finding of the report, not a fault of the program.
    """A part of the check failed, or could not be made: `code` is a code of messages.json."""

    def __init__(self, code: str, detail: str = "", /, **evidence: object) -> None:
        """Keep the step's `code`, an English technical `detail` and what was seen."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.evidence = evidence | ({"detail": detail} if detail else {})


@contextmanager
def failing_as(code: str, /, **evidence: object) -> Iterator[None]:
    """Report what goes wrong inside as the finding `code`, with the error's words as its detail."""
    try:
        yield
    except (FormatError, SignatureError, ProofError) as error:
        raise CheckFailed(code, str(error), **evidence) from error
