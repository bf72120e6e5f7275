"""The base of every error that a person or a program outside can act on. Knows no HTTP.

Each folder's `errors.py` derives from `XinjiError` and gives each class a stable `code`.
`routes/problems.py` of the folder maps classes to statuses; pages translate the message
`error.<code>` with `params`.
"""

from __future__ import annotations

from typing import ClassVar


class XinjiError(Exception):
    """Something refused, with a stable code and what the caller needs to put it right.

    `params` are the values that the translated message names (never secrets, never
    personal data that the caller did not send).
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "", **params: str | int) -> None:
        """Keep an English `message` for logs and APIs and the `params` for pages."""
        super().__init__(message or self.code)
        self.params = params


class NotFoundError(XinjiError):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"


class NotAllowedError(XinjiError):
    """The caller is known and may not do this."""

    code = "not_allowed"


class SignInRequiredError(XinjiError):
    """The caller must sign in first, or sign in again with more factors."""

    code = "sign_in_required"

    def __init__(self, message: str = "", *, step_up: bool = False, **params: str | int) -> None:
        """`step_up` is true where a session exists but carries too few factors."""
        super().__init__(message, **params)
        self.step_up = step_up


class CsrfError(XinjiError):
    """A form came without the token of the browser that got it."""

    code = "csrf"


class TooLargeError(XinjiError):
    """A body or a file is larger than is accepted here."""

    code = "too_large"


class BusyError(XinjiError):
    """The database's write lock was not to be had in time: try again."""

    code = "busy"
