"""A demo installation of its own, made once by the demo itself, then served by `xinji serve`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from server.demo.accounts import Account, restored

ROOT = Path(__file__).parents[2]
PORT = 8400
_ACCOUNTS: dict[str, Account] = {}


@dataclass(frozen=True)
class Installation:
    """A demo's data folder, its report, the report of a second run on the same data, and its address."""

    data: Path
    report: dict[str, Any]
    again: dict[str, Any]
    url: str
    environment: dict[str, str]

    def account(self, key: str) -> Account:
        """Return one of the demo accounts: one object a test run, since it knows which one-time passwords are used."""
        if key not in _ACCOUNTS:
            _ACCOUNTS[key] = restored(next(account for account in self.again["accounts"] if account["key"] == key))
        return _ACCOUNTS[key]


def environment_of(data: Path) -> dict[str, str]:
    return {**os.environ, "XINJI_DATA_DIR": str(data), "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(data / "config")}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Run `xinji demo --exit`, every step over HTTP, and once more on the same data."""
    data = tmp_path_factory.mktemp("demo") / "data"
    environment = environment_of(data)
    first, second = (_demo(data, environment, data.parent / name) for name in ("report.json", "again.json"))
    return Installation(data, first, second, f"http://localhost:{PORT}", environment)


def _demo(data: Path, environment: dict[str, str], report: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "server", "demo", "--exit", "--report", str(report), "--port", str(PORT)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    if done.returncode != 0:
        logs = "\n".join(path.read_text("utf-8", "replace")[-3000:] for path in (data / "logs").glob("*.log"))
        pytest.fail(f"the demo ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}\n{logs}")
    content: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return content


@pytest.fixture(scope="session")
def served(demo: Installation) -> Iterator[Installation]:
    """Serve the demo's data folder with `xinji serve`, and its first platform beside it."""
    processes = [_start(["server", "serve", "--port", str(PORT)], demo.environment, demo.data / "serve.log")]
    try:
        _wait(f"{demo.url}/healthz")
        platform = demo.report["clients"][0]
        environment = {
            **demo.environment,
            "XINJI_PLATFORM_CLIENT_ID": platform["client_id"],
            "XINJI_PLATFORM_CLIENT_SECRET": platform["client_secret"],
        }
        port = platform["url"].rpartition(":")[2]
        command = ["clients.demo_platform", "--port", port, "--issuer", demo.url]
        processes.append(_start(command, environment, demo.data / "platform.log"))
        _wait(platform["url"])
        yield demo
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def _start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def _wait(address: str) -> None:
    for _ in range(400):
        try:
            if httpx.get(address, timeout=2, trust_env=False).status_code < 500:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{address} does not answer")
