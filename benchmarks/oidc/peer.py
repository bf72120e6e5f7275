"""The peer: npm `oidc-provider`, installed here by its lock file, one Node process, in-memory adapter."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.oidc.browser import Browser
from benchmarks.oidc.cells import Client, Provider
from benchmarks.oidc.ours import consent_address, end, free_port, read_paths

FOLDER: Final = Path(__file__).parent / "peer"
INSTALL_SECONDS: Final = 300


def version() -> str:
    """Return the version that the package file names."""
    named: str = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]["oidc-provider"]
    return named


def install() -> None:
    """Install what the lock file names, unless it is there."""
    if (FOLDER / "node_modules" / "oidc-provider").exists():
        return
    subprocess.run(["npm", "ci"], cwd=FOLDER, check=True, timeout=INSTALL_SECONDS)


@contextmanager
def peer_provider() -> Iterator[Provider]:
    """Run the peer; somebody is signed in through its own development pages."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    process = subprocess.Popen(
        ["node", "server.js", str(port), secret],
        cwd=FOLDER,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_ENV": "production"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        paths = read_paths(base, process)
        web, offline, machine = (Client(name, secret) for name in ("web", "offline", "machine"))

        def sign_in() -> str:
            browser = Browser(base)
            for client in (web, offline):
                browser.get(consent_address(paths, client, "openid profile"))
                while not browser.location:
                    browser.submit(**({"login": "lilei", "password": "any"} if 'name="login"' in browser.text else {}))
            cookie = browser.cookie_header(paths["authorization_endpoint"])
            browser.close()
            return cookie

        name = f"oidc-provider {version()}"
        yield Provider(name, port, paths, web, offline, machine, sign_in(), (process.pid,), sign_in)
    finally:
        end(process)
