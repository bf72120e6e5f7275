"""Why a credential's status changes: codes that are signed and shown to whoever verifies. Pure.

A reason tells nothing about the person beyond what the change itself tells; the school keeps
its file. Sources: 学位法 2024 §37, 普通高等学校学生管理规定 (教育部令第41号) §37.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from credentials.errors import StatusTransitionError, UnknownReasonError
from credentials.status_list import Status


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code, its sentence in Chinese and English, and the change that it explains."""

    code: str
    to: Status
    zh: str
    en: str


REASONS: Final = {
    reason.code: reason
    for reason in (
        Reason("issued_in_error", Status.REVOKED, "证书发放有误", "Issued in error"),
        Reason("admission_invalid", Status.REVOKED, "入学资格或学籍无效", "Admission or enrolment was not valid"),
        Reason("academic_misconduct", Status.REVOKED, "学术不端，依规撤销", "Academic misconduct"),
        Reason("requirements_not_met", Status.REVOKED, "未达到毕业要求", "Requirements were not met"),
        Reason("authority_decision", Status.REVOKED, "依主管部门或法院决定撤销", "Decided by an authority or a court"),
        Reason("under_review", Status.SUSPENDED, "正在复核", "Under review"),
        Reason("holder_report", Status.SUSPENDED, "持证人报告信息有误，正在核实", "The holder reported an error"),
        Reason("review_closed", Status.VALID, "复核完毕，恢复有效", "Review closed: valid again"),
        Reason("data_corrected", Status.SUPERSEDED, "信息已更正，另发新证书", "Corrected: a new credential was issued"),
    )
}

_FROM: Final = {
    Status.REVOKED: (Status.VALID, Status.SUSPENDED),
    Status.SUSPENDED: (Status.VALID,),
    Status.VALID: (Status.SUSPENDED,),
    Status.SUPERSEDED: (Status.VALID, Status.SUSPENDED),
}


def reason_for(code: str, *, current: int, to: Status) -> Reason:
    """Return the reason `code` for a change from `current` to `to`. Revoked and superseded are for ever.

    Raises:
        StatusTransitionError: That change is not possible.
        UnknownReasonError: No such reason, or it explains another change.
    """
    if current not in _FROM[to]:
        raise StatusTransitionError("this status cannot change into that", current=int(current), to=int(to))
    reason = REASONS.get(code)
    if reason is None or reason.to is not to:
        raise UnknownReasonError("no such reason for this change")
    return reason


def reasons_to(to: Status) -> list[Reason]:
    """Return the reasons that explain a change to `to`."""
    return [reason for reason in REASONS.values() if reason.to is to]


def possible_from(current: int) -> list[Status]:
    """Return what a credential in `current` may become, but for superseded, which a correction does."""
    return [to for to in (Status.SUSPENDED, Status.REVOKED, Status.VALID) if current in _FROM[to]]
