"""Verify a bundle: numbered steps, one report. Pure: no network, and no clock but `now`.

*Could not be checked* is only for what this machine or the trust file lacks. What a bundle
must carry and lacks has *failed*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from xinji_client import steps
from xinji_client.anchor import NodeAnswers
from xinji_client.case import describe, open_case
from xinji_client.errors import CheckFailed, EngineMissingError
from xinji_client.report import FORMAT, Step, messages, verdict
from xinji_client.times import iso
from xinji_client.trust import Trust


def verify(
    bundle: bytes | str | Mapping[str, Any],
    trust: Trust | None,
    *,
    now: datetime,
    fresh_status: Mapping[str, Any] | None = None,
    node: NodeAnswers | None = None,
    checked_on: str = "offline",
) -> dict[str, Any]:
    """Return the report on `bundle`. Never raises for what the bundle holds.

    Args:
        bundle: The file's bytes or text, or the object in it.
        trust: Whom the verifier believes; None where it has no trust file.
        now: The present time, aware.
        fresh_status: In place of the bundle's own `status`: such an object, or `status.with_token`.
        node: What the verifier's own chain node answered to `xinji_client.online.ask_node`, if it was asked.
        checked_on: `device`, `server` or `offline`.
    """
    case = open_case(bundle, trust, now=now, fresh_status=fresh_status, node=node)

    # T, which the issuer's step needs, is what the witnesses' step finds.
    witnesses = _run(lambda: steps.check_witnesses(case))
    found = {
        # 1. Integrity: both suites' signatures, the disclosures, and that the suites agree.
        "integrity": _run(lambda: steps.check_integrity(case)),
        # 2. Issuer: accredited at T by a chain up to a root of the trust file, every statement logged.
        "issuer": _run(lambda: steps.check_issuer(case)),
        # 3. Status: the fresh, signed lists of the province.
        "status": _run(lambda: steps.check_status(case)),
        # 4. Inclusion: the log's entry is this credential, under the log's signed checkpoint.
        "inclusion": _run(lambda: steps.check_inclusion(case)),
        # 5. Witnesses: a quorum of other organisations saw that checkpoint.
        "witnesses": witnesses,
        # 6. Anchor: it must not contradict the checkpoint; a chain node of one's own, if asked, confirms it.
        "anchor": _run(lambda: steps.check_anchor(case)),
        # 7. Holder: only key binding to this verifier's own nonce would pass.
        "holder": _run(lambda: steps.check_holder(case)),
    }
    code = verdict(found, witnesses_named=case.trust.quorum > 0 if case.trust else None)
    said = messages()["verdicts"][code]
    return {
        "format": FORMAT,
        "verdict": {"code": code, "zh": said["zh"], "en": said["en"]},
        "checked_at": iso(case.now),
        "checked_on": checked_on,
        "time": None if case.witnessed_at is None else iso(case.witnessed_at),
        "credential": describe(case),
        "steps": [step.to_json(name) for name, step in found.items()],
    }


def _run(check: Callable[[], Step]) -> Step:
    try:
        return check()
    except CheckFailed as finding:
        return Step(finding.code, finding.evidence)
    except EngineMissingError as error:
        return Step("integrity_engine_missing", {"detail": str(error)})
