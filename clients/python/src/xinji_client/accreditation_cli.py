"""`xinji-verify accreditation FILE --school CODE …`: a question about a school's accreditation, answered offline.

Exit status 0: accredited then. 1: not shown to have been, or the proof does not hold. 2: everything else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from xinji_client.accreditation import Question, check_accreditation, words
from xinji_client.report import LANGUAGES, messages
from xinji_client.text import printable
from xinji_client.times import in_beijing
from xinji_client.trust import Trust

ACCREDITED, NOT, UNDECIDED = 0, 1, 2
_EXIT = {"accredited": ACCREDITED, "not_accredited": NOT, "mismatch": NOT}
_STEP = {"zh": "【%s】%s：%s", "en": "[%s] %s: %s"}


def parser() -> argparse.ArgumentParser:
    """Return the parser of what follows `xinji-verify accreditation`."""
    made = argparse.ArgumentParser(
        prog="xinji-verify accreditation",
        description="某校在某时是否有资格颁发某类凭证，离线核对。Was a school accredited then? Checked offline.",
        epilog="0: 有 yes · 1: 未证明 not shown, or a proof that does not hold · 2: 未能核验 could not be checked",
    )
    made.add_argument("file", metavar="FILE", help="资质证明文件 the proof, as /ledger/issuers/<code>/proof gives it")
    made.add_argument("--school", required=True, metavar="CODE", help="学校标识码 10 位 school code, 10 digits")
    made.add_argument("--type", metavar="VCT", help="凭证类型 type, such as urn:xinji:credential:diploma:1")
    made.add_argument("--key", metavar="KID", help="密钥指纹 thumbprint of the issuing key (RFC 7638)")
    made.add_argument("--at", metavar="TIME", help="时刻 such as 2026-06-30 or 2026-06-30T06:00:00Z (现在 now)")
    made.add_argument("--trust", metavar="FILE", help="信任文件 the trust file to use")
    made.add_argument("--json", action="store_true", help="以 JSON 输出报告 print the report as JSON")
    made.add_argument("--lang", choices=LANGUAGES, default="zh", help="语言 language (zh)")
    return made


def moment(text: str | None, now: datetime) -> datetime | None:
    """Return the moment that `text` names: a day is its beginning in UTC; None where it names none."""
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def answer(data: bytes, trust: Trust | None, question: Question, options: argparse.Namespace, now: datetime) -> int:
    """Check, print, and return the exit status."""
    report = check_accreditation(data, trust, question, now=now)
    shown = json.dumps(report, ensure_ascii=False, indent=2) if options.json else _text(report, options.lang)
    sys.stdout.write(shown + "\n")
    return _EXIT.get(report["verdict"]["code"], UNDECIDED)


def _text(report: Mapping[str, Any], language: str) -> str:
    question = report["question"]
    asked = [question[name] for name in ("school", "type", "key") if question[name]]
    lines = [
        report["verdict"][language],
        " · ".join([*map(printable, asked), in_beijing(question["at"], language)]),
        "",
    ]
    for step in report["steps"]:
        result, name = messages()["results"][step["result"]][language], words()["steps"][step["step"]][language]
        lines.append(_STEP[language] % (result, name, step[language]))
        if step["evidence"].get("detail"):
            lines.append(f"    {printable(step['evidence']['detail'])}")
    return "\n".join(lines)


def parse(arguments: Sequence[str], now: datetime) -> tuple[argparse.Namespace, Question]:
    """Read the command line; ends the program where it is wrong."""
    made = parser()
    options = made.parse_args(arguments)
    at = moment(options.at, now)
    if at is None:
        made.error("--at: a time such as 2026-06-30 or 2026-06-30T06:00:00Z")
    return options, Question(options.school, at, options.type, options.key)
