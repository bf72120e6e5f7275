"""`xinji monitor`: for an issuer's own machine. Needs no installation, only a trust file and the log's address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from credentials.verification.trust import Log, Trust, open_trust
from kernel.clock import SystemClock
from ledger.errors import InvalidReceiptsError, MirrorSourceError
from ledger.formats.entry import EntryType
from ledger.formats.receipts import Receipt, read_receipts
from ledger.monitor.keeping import Named, StateFolder
from ledger.monitor.report import (
    REPEATED,
    UNKNOWN_TYPE,
    WITHOUT_EVIDENCE,
    WITHOUT_RECEIPT,
    Report,
    as_json,
    moment_of,
    moment_text,
    report,
)
from ledger.monitor.visiting import Visit, Watched, visit
from ledger.storage.folder import Folder
from ledger.upkeep.reading import HttpSource

app = typer.Typer(pretty_exceptions_enable=False)

FOUND: Final = 1
UNREACHABLE: Final = 2
SHOWN: Final = 50
TRUST: Final = "trust.json"
_CODE: Final = re.compile(r"[0-9]{6}|[0-9]{10}", re.ASCII)
_LOOPBACK: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])[:/]")
TYPES: Final = {
    EntryType.CREDENTIAL: "证书 credential",
    EntryType.ACCREDITATION: "认可 accreditation",
    EntryType.STATUS_LIST: "状态列表 status list",
    EntryType.AUDIT_HEAD: "审计 audit head",
    EntryType.RELEASE: "发布 release",
}
ALARMS: Final = {
    "log_forked": "日志有两份互相矛盾的历史",
    "log_shrunken": "日志比上次见到的短：可能是缓存或恢复了旧备份，也可能是改写历史的开始",
    "log_beyond_final": "已经关闭的日志又写入了条目",
    "note_invalid": "检查点没有可信的签名，或见证不够",
    "note_signature_invalid": "检查点上有伪造或损坏的签名",
    "tiles_tampered": "日志文件与签名的检查点不符",
}
REASONS: Final = {
    WITHOUT_RECEIPT: "没有回执，可能是冒名签发 no receipt: perhaps nobody here issued it",
    WITHOUT_EVIDENCE: "公开依据缺失或不符 public evidence missing or wrong",
    REPEATED: "同一承诺值登记了两次 logged twice",
    UNKNOWN_TYPE: "类型不认识 of a type that is not known",
}


@app.command()
def monitor(
    issuer: Annotated[str, typer.Option(help="The issuer's code: 10 digits, an authority's 6")],
    log: Annotated[str | None, typer.Option(help="Where the log's files are; https://<origin> unless given")] = None,
    trust: Annotated[
        Path | None, typer.Option(help="The trust file; it is kept in the state folder for later visits")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="What is remembered between visits; xinji-monitor-<code> unless given")
    ] = None,
    receipts: Annotated[
        list[Path] | None, typer.Option(help="Receipts downloaded from the issuing pages; repeatable")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Say it as JSON")] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="List all entries in the issuer's name, not the new ones")
    ] = False,
) -> None:
    """List what is logged in an issuer's name, and check that the log is still the same.

    Status 0: nothing to worry about. 1: something to look at. 2: not understood, or not reached.
    """
    if not _CODE.fullmatch(issuer):
        raise typer.BadParameter("10 digits, or 6 of an authority", param_hint="--issuer")
    code = issuer.rjust(10, "0")
    folder = state or Path(f"xinji-monitor-{issuer}")
    trusted = _trusted(trust, folder)
    mine = None if receipts is None else list(_receipts(receipts, code))
    visits: list[Visit] = []
    unreachable: dict[str, str] = {}
    for one, url in _logs(trusted, log):
        source = HttpSource(url)
        kept = StateFolder(folder / quote(one.origin, safe=""), origin=one.origin, issuer_code=code)
        watched = Watched(source, kept, code, one.origin, one.hash, one.keys, trusted.policy, one.final)
        try:
            visits.append(visit(watched, SystemClock().now()))
        except MirrorSourceError as error:
            unreachable[one.origin] = str(error)
        finally:
            source.close()
    made = report(code, visits, unreachable, mine, now=SystemClock().now())
    for line in [json.dumps(as_json(made), ensure_ascii=False, indent=1)] if as_json_ else _text(made, everything=all_):
        typer.echo(line)
    if not made.is_clean:
        raise typer.Exit(FOUND)
    if unreachable:
        raise typer.Exit(UNREACHABLE)


def _trusted(given: Path | None, folder: Path) -> Trust:
    """Read the trust file, and keep it for the next visit; an older one does not replace a newer."""
    now, files = SystemClock().now(), Folder(folder)
    kept = files.read(TRUST)
    data = kept if given is None else given.read_bytes()
    if data is None:
        raise typer.BadParameter(
            "第一次要给出信任文件。 The first visit needs a trust file, compared with its printed digest",
            param_hint="--trust",
        )
    found = open_trust(data, now=now)
    if found is None:
        raise typer.BadParameter(
            "信任文件无效、未由根签名或已过期。 Not a trust file, not signed by its roots, or expired",
            param_hint="--trust",
        )
    if data != kept:
        before = None if kept is None else open_trust(kept, now=now)
        if before is not None and before.version > found.version:
            raise typer.BadParameter(
                f"比已有的版本 {before.version} 旧。 Older than the one that is kept", param_hint="--trust"
            )
        files.update(TRUST, lambda _: data)
    return found


def _logs(trusted: Trust, url: str | None) -> list[tuple[Log, str]]:
    """Return the logs to visit, each with its address."""
    logs = list(trusted.logs.values())
    if url is None:
        return [(one, _address(one.origin)) for one in logs]
    named = [one for one in logs if url.rstrip("/").partition("://")[2] == one.origin]
    if not named and len(logs) != 1:
        raise typer.BadParameter("the trust file names several logs, and none at this address", param_hint="--log")
    return [((named or logs)[0], url)]


def _address(origin: str) -> str:
    return f"{'http' if _LOOPBACK.match(origin) else 'https'}://{origin}"


def _receipts(paths: list[Path], code: str) -> Iterator[Receipt]:
    """Read all receipts before a log is visited: what a visit found is told once."""
    for path in paths:
        try:
            for receipt in read_receipts(path.read_bytes()):
                if receipt.issuer_code != code:
                    raise typer.BadParameter(f"{path}: of {receipt.issuer_code}", param_hint="--receipts")
                yield receipt
        except InvalidReceiptsError as error:
            raise typer.BadParameter(f"{path}: {error}", param_hint="--receipts") from error


def _text(made: Report, *, everything: bool) -> Iterator[str]:
    for one in made.visits:
        yield from _visit_text(one, everything=everything)
    for origin, why in made.unreachable.items():
        yield f"没有连上日志 {origin}。 Not reached: {why}"
    for found in made.found:
        yield f"请查看 LOOK AT {found.reason}: {REASONS[found.reason]}\n{_line(found.entry)}"
    if made.receipts is not None:
        yield (
            f"回执：共 {made.receipts} 份，其中 {len(made.waiting)} 份尚未登记、期限未到。 "
            f"{made.receipts} receipts, {len(made.waiting)} of them not logged yet, within their time"
        )
    if made.newer:
        yield (
            f"{made.newer} 条比回执新，先不判断：请下载新的回执。 "
            f"{made.newer} entries are newer than the receipts: download these again"
        )
    for receipt in made.without_entry:
        yield (
            "请查看 LOOK AT without_entry: 期限已过，日志里没有 its time is over, and the log lacks it\n"
            f"  {receipt.logged_by.isoformat():<25} {receipt.commitment.hex()} {receipt.credential}"
        )
    if made.is_clean and not made.unreachable:
        yield "没有发现问题。 Nothing to worry about."


def _visit_text(one: Visit, *, everything: bool) -> Iterator[str]:
    size = one.checkpoint.head.tree_size if one.checkpoint else 0
    yield (
        f"日志 {one.origin}：{size} 条，上次看到 {one.before} 条；"
        f"以本方名义 {len(one.entries)} 条，新增 {len(one.new)} 条。 "
        f"{size} entries, {one.before} at the last visit; {len(one.entries)} in this name, {len(one.new)} new"
    )
    if one.time is not None:
        yield f"检查点由足够的见证单位签于 {moment_text(one.time)}。 Cosigned by the quorum at that time"
    if one.alarm is not None:
        says = ALARMS.get(one.alarm.code, "日志可疑")
        yield f"警报 ALARM {one.alarm.code}: {says}。 {one.alarm.text}"
        yield from (f"  证据 evidence: {path}" for path in one.alarm.files)
    shown = one.entries if everything else one.new
    for entry in shown if everything else shown[:SHOWN]:
        yield _line(entry)
    if not everything and len(shown) > SHOWN:
        yield f"  另有 {len(shown) - SHOWN} 条，用 --all 全部列出。 {len(shown) - SHOWN} more: --all lists them"


def _line(entry: Named) -> str:
    kind = TYPES.get(entry.type, str(entry.type))  # type: ignore[call-overload]  # Found by their numbers.
    return f"  {entry.index:>9} {moment_of(entry.checkpoint)} {kind} {entry.commitment}"
