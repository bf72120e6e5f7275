"""Run the demo: make the data folder, start the processes, do the steps, tell, and stay if wished."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from server import setup
from server.demo import stage, steps
from server.demo.companions import answers, demo_witness
from server.demo.report import Report
from server.parts import Parts
from server.processes import Child, resident_megabytes
from server.settings import (
    Installation,
    Rhythm,
    Settings,
    SettingsError,
    installation_path,
    load_installation,
)

WITNESS_PORT_OFFSET: Final = 10
PLATFORM_PORT_OFFSETS: Final = (1, 2)
OFFICER: Final = setup.Officer("程国栋", "11010519491231002X")
RHYTHM: Final = Rhythm(sequencing=0, status=10, anchoring=5)


def run_demo(settings: Settings, *, port: int, report_path: Path | None, stay: bool, console: Console) -> bool:
    """Do every step; return whether each held. With `stay` the services go on until they are told to end."""
    report = Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Unwinds, so that no child is left behind.
    with ExitStack() as stack:
        try:
            demo = _set_up(settings, port, report, console, stack)
            steps.do_all(demo)
        except Exception as error:  # noqa: BLE001 - the report says which step failed; the logs say more
            console.print(f"[red]✗[/] {type(error).__name__}: {error}")
            console.print(f"[dim]{settings.data_dir / 'logs'}[/]")
        report.show(console)
        if report_path is not None:
            report.write(report_path)
        if stay and report.ok:
            console.print(f"\n信籍 [bold]{report.facts['base_url']}[/]   （Ctrl-C 结束）\n")
            _wait_for_the_end()
    return report.ok


def _set_up(settings: Settings, port: int, report: Report, console: Console, stack: ExitStack) -> stage.Demo:
    with report.step("准备数据目录与密钥", console) as step:
        if installation_path(settings).exists():
            port = int(load_installation(settings).host.rpartition(":")[2])
        for offset in (0, *PLATFORM_PORT_OFFSETS, WITNESS_PORT_OFFSET):
            _refuse_taken(port + offset)
        parts, code = _prepared(settings, port)
        step.note = str(settings.data_dir)
    installation = parts.installation
    with report.step("启动服务：网页、签名进程、见证单位", console) as step:
        server = stack.enter_context(_child(settings, "server", ["server", "serve", "--port", str(port)], {}))
        server.wait_until(lambda: answers(f"{installation.base_url}/healthz"))
        step.count = 3
    platforms = [_platform(settings, parts, port + offset, stack) for offset in PLATFORM_PORT_OFFSETS]
    report.facts["base_url"] = installation.base_url
    report.facts["clients"] = [{key: value for key, value in each.items() if key != "child"} for each in platforms]
    return stage.Demo(
        parts=parts,
        report=report,
        console=console,
        platforms=platforms,
        officer_code=code,
        memory=lambda: _memory(os.getpid()),
    )


def _refuse_taken(port: int) -> None:
    for address in ("127.0.0.1", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((address, port)) == 0:
                raise SettingsError(
                    f"port {port} is taken by another program. Try `xinji demo --port N` with a new XINJI_DATA_DIR: "
                    "the address is fixed in the data folder"
                )


def _prepared(settings: Settings, port: int) -> tuple[Parts, dict[str, str] | None]:
    if installation_path(settings).exists():
        installation = load_installation(settings)
    else:
        witness = demo_witness(settings, port + WITNESS_PORT_OFFSET)
        base_url = (settings.base_url or f"http://localhost:{port}").rstrip("/")
        installation = Installation(base_url=base_url, demo=True, witnesses=[witness], quorum=1, rhythm=RHYTHM)
    setup.prepare(settings, installation)
    parts = setup.found(settings)
    if stage.saved_accounts(settings):
        return parts, None
    officer = setup.first_officer(parts, OFFICER)
    return parts, {"eid": officer.eid, "code": officer.code or ""}


def _platform(settings: Settings, parts: Parts, port: int, stack: ExitStack) -> dict[str, Any]:
    """Register a platform where it is missing and run it: two hosts, so that they are two sectors."""
    host = "127.0.0.1" if port % 2 else "::1"
    shown = f"[{host}]" if ":" in host else host
    name = "示范教学平台" if port % 2 else "示范图书馆"
    path = settings.data_dir / f"platform-{port}.json"
    if path.exists():
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    else:
        values = stage.register_platform(parts, name, f"http://{shown}:{port}")
        path.touch(0o600)
        path.write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    arguments = ["clients.demo_platform", "--port", str(port), "--host", host, "--name", name]
    environment = {
        "XINJI_PLATFORM_CLIENT_ID": values["client_id"],
        "XINJI_PLATFORM_CLIENT_SECRET": values["client_secret"],
    }
    issuer = parts.idp.issuer
    child = stack.enter_context(_child(settings, f"platform-{port}", [*arguments, "--issuer", issuer], environment))
    child.wait_until(lambda: answers(values["url"]))
    return {**values, "child": child}


@contextmanager
def _child(settings: Settings, name: str, arguments: list[str], environment: dict[str, str]) -> Iterator[Child]:
    environment = {
        "XINJI_DATA_DIR": str(settings.data_dir),
        "XINJI_KEYS_DIR": str(settings.key_folder),
        **({"XINJI_DATABASE_URL": settings.database_url} if settings.database_url else {}),
        **environment,
    }
    child = Child(name, arguments, settings.data_dir / "logs" / f"{name}.log", environment)
    try:
        yield child
    finally:
        child.stop()


def _memory(process: int) -> float:
    """Return the resident memory of a process and all below it in MB."""
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
    except OSError:
        return 0.0
    return resident_megabytes(process) + sum(_memory(int(child)) for child in listed)


def _wait_for_the_end() -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    end.wait()
