"""`xinji-verify`: check a bundle file offline, against a trust file that this machine keeps.

Only `--rpc` (and with it `--log`) goes on the network, to the addresses given.

Exit status 0: the verdict is 有效. 1: a part failed, the file is damaged, or the credential
is revoked, suspended or superseded. 2: everything else: it could not be fully checked, there
is no readable trust file, or the command was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from xinji_client import accreditation_cli, node, status, tiles
from xinji_client.anchor import NodeAnswers
from xinji_client.bundle import MAX_BYTES, parse_bundle
from xinji_client.errors import FormatError, TrustError
from xinji_client.jws import MAX_TOKEN
from xinji_client.online import ask_node
from xinji_client.report import LANGUAGES
from xinji_client.text import as_text
from xinji_client.trust import Trust, pin, read_pinned
from xinji_client.verify import verify

VALID, FAILED, UNDECIDED = 0, 1, 2
_EXIT = {"valid": VALID, "mismatch": FAILED, "revoked": FAILED, "suspended": FAILED, "superseded": FAILED}

SAID = {
    "zh": {
        "damaged": "文件残缺或不是信籍凭证文件：%(file)s（%(why)s）。",
        "expired": "信任文件已过期，请先更新。",
        "no_file": "无法打开文件：%(file)s（%(why)s）。",
        "no_status": "无法读取状态清单：%(file)s（%(why)s）。",
        "no_trust": (
            "没有信任文件，无法判断应当相信谁。请从您信任的渠道取得 trust.json，"
            "核对其来源后运行 xinji-verify --pin-trust trust.json，或用 --trust 指定。"
        ),
        "bad_trust": "信任文件不可用：%(why)s。",
        "pinned": "已采用信任文件 %(file)s（版本 %(version)s，有效至 %(until)s）。",
        "trust": "信任文件：%(file)s（版本 %(version)s，有效至 %(until)s）",
    },
    "en": {
        "damaged": "The file is damaged or is no Xinji credential file: %(file)s (%(why)s).",
        "expired": "The trust file has expired: update it first.",
        "no_file": "The file cannot be opened: %(file)s (%(why)s).",
        "no_status": "The status list cannot be read: %(file)s (%(why)s).",
        "no_trust": (
            "There is no trust file to say whom to believe. Get trust.json from somebody you trust, "
            "check where it comes from, and run xinji-verify --pin-trust trust.json, or name it with --trust."
        ),
        "bad_trust": "The trust file is of no use: %(why)s.",
        "pinned": "Pinned the trust file %(file)s (version %(version)s, until %(until)s).",
        "trust": "Trust file: %(file)s (version %(version)s, until %(until)s)",
    },
}


def main(
    arguments: Sequence[str] | None = None, *, now: datetime | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """Run the command and return its exit status. `now` and `environment` are the machine's unless given."""
    now = now or datetime.now(UTC)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["accreditation"]:
        return _accreditation(given[1:], os.environ if environment is None else environment, now)
    options = _parser().parse_args(given)
    places = os.environ if environment is None else environment
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # A terminal without Chinese shows codes, and no traceback.
    if options.log is not None and options.rpc is None:
        _parser().error("--log goes with --rpc")
    if options.pin_trust is None and options.file is None:
        _parser().error("FILE or --pin-trust is needed")
    if options.pin_trust is not None:
        pinned = _pin(options, places, now)
        if pinned is not VALID or options.file is None:
            return pinned
    return _check(options, places, now)


def trust_path(options: argparse.Namespace, environment: Mapping[str, str]) -> Path | None:
    """Return the trust file to use: --trust, XINJI_TRUST_FILE, the data folder's, the one pinned for this user."""
    if options.trust is not None:
        return Path(options.trust)
    if environment.get("XINJI_TRUST_FILE"):
        return Path(environment["XINJI_TRUST_FILE"])
    candidates = [_own(environment)]
    if environment.get("XINJI_DATA_DIR"):
        candidates.insert(0, Path(environment["XINJI_DATA_DIR"]) / "trust.json")
    return next((path for path in candidates if path.exists()), None)


def _own(environment: Mapping[str, str]) -> Path:
    configured = environment.get("XDG_CONFIG_HOME")
    folder = Path(configured) if configured else Path(environment.get("HOME") or Path.home()) / ".config"
    return folder / "xinji" / "trust.json"


def _pin(options: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    # Never the data folder's: that one is its server's word, and this is the user's own.
    chosen = options.trust or environment.get("XINJI_TRUST_FILE")
    target = Path(chosen) if chosen else _own(environment)
    data = _read(Path(options.pin_trust), options.lang, limit=MAX_BYTES)
    if data is None:
        return UNDECIDED
    try:
        trust = pin(target, data, now=now)
    except TrustError as error:
        return _complain(options.lang, "bad_trust", why=error)
    except OSError as error:
        return _complain(options.lang, "no_file", file=target, why=error.strerror)
    _print(sys.stderr, options.lang, "pinned", **_about(target, trust))
    return VALID


def _check(options: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    language, path = options.lang, Path(options.file)
    data = _read(path, language, limit=MAX_BYTES)
    if data is None:
        return UNDECIDED
    try:
        bundle = parse_bundle(data)
    except FormatError as error:
        bundle = {}
        _print(sys.stderr, language, "damaged", file=path, why=error)
    trust, place = None, trust_path(options, environment)
    if place is not None:
        try:
            trust = read_pinned(place)
        except TrustError as error:
            _print(sys.stderr, language, "bad_trust", why=error)
    else:
        _print(sys.stderr, language, "no_trust")
    if trust is None and bundle:
        return UNDECIDED
    fresh = None
    if options.status is not None:
        token = _read(Path(options.status), language, limit=MAX_TOKEN)
        try:
            fresh = None if token is None else status.with_token(bundle.get("status"), token.decode("ascii"))
        except (FormatError, UnicodeDecodeError) as error:
            _print(sys.stderr, language, "no_status", file=options.status, why=error)
        if fresh is None:
            return UNDECIDED
    report = verify(bundle, trust, now=now, fresh_status=fresh, node=_node(options, bundle, trust))
    _show(report, options, place, trust, now)
    return _EXIT.get(report["verdict"]["code"], UNDECIDED)


def _accreditation(arguments: Sequence[str], environment: Mapping[str, str], now: datetime) -> int:
    options, question = accreditation_cli.parse(arguments, now)
    data = _read(Path(options.file), options.lang, limit=MAX_BYTES)
    place = trust_path(options, environment)
    if data is None:
        return UNDECIDED
    if place is None:
        return _complain(options.lang, "no_trust")
    try:
        trust = read_pinned(place)
    except TrustError as error:
        return _complain(options.lang, "bad_trust", why=error)
    return accreditation_cli.answer(data, trust, question, options, now)


def _node(options: argparse.Namespace, bundle: Mapping[str, Any], trust: Trust | None) -> NodeAnswers | None:
    """Ask the node of `--rpc`. Nothing else goes on the network, and nothing goes there without it."""
    if options.rpc is None:
        return None
    log_files = None if options.log is None else tiles.over_http(options.log)
    return ask_node(bundle, trust, node.over_http(options.rpc), log_files=log_files)


def _show(
    report: dict[str, Any], options: argparse.Namespace, place: Path | None, trust: Trust | None, now: datetime
) -> None:
    about = _about(place, trust) if place and trust else None
    if options.json:
        sys.stdout.write(json.dumps(report | {"trust": about}, ensure_ascii=False, indent=2) + "\n")
        return
    sys.stdout.write(as_text(report, options.lang) + "\n")
    if about is not None and trust is not None:
        sys.stdout.write("\n")
        _print(sys.stdout, options.lang, "trust", **about)
        if trust.expires_at <= now:
            _print(sys.stdout, options.lang, "expired")


def _about(place: Path, trust: Trust) -> dict[str, Any]:
    return {"file": str(place), "version": trust.version, "until": f"{trust.expires_at:%Y-%m-%dT%H:%M:%SZ}"}


def _read(path: Path, language: str, *, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)  # One byte too many: whoever parses it refuses it.
    except OSError as error:
        _print(sys.stderr, language, "no_file", file=path, why=error.strerror)
        return None


def _complain(language: str, said: str, **values: object) -> int:
    _print(sys.stderr, language, said, **values)
    return UNDECIDED


def _print(stream: TextIO, language: str, said: str, **values: object) -> None:
    stream.write(SAID[language][said] % values + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xinji-verify",
        description="核验信籍凭证文件；不给 --rpc 就不联网。Check a Xinji credential file; offline without --rpc.",
        epilog="0: 有效 valid · 1: 未通过 failed, revoked, suspended, superseded · 2: 未能核验 could not be checked",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="凭证文件 the credential file (*.xinji.json)")
    parser.add_argument("--trust", metavar="FILE", help="信任文件 the trust file to use")
    parser.add_argument("--status", metavar="FILE", help="新的状态清单 a fresh status list token (JWT text)")
    parser.add_argument(
        "--rpc", metavar="URL", help="向自己的链节点核对存证 check the anchor on your own chain node (JSON-RPC)"
    )
    parser.add_argument(
        "--log",
        metavar="URL",
        help="与 --rpc 同用：日志文件的地址 with --rpc: where the log's files are (a mirror will do)",
    )
    parser.add_argument("--json", action="store_true", help="以 JSON 输出报告 print the report as JSON")
    parser.add_argument("--lang", choices=LANGUAGES, default="zh", help="语言 language (zh)")
    parser.add_argument(
        "--pin-trust", metavar="FILE", help="采用或更新信任文件 pin a first trust file, or update the pinned one"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
