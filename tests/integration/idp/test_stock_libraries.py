"""Sample platforms on stock Node libraries sign a person in at a provider that really listens."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from crypto.keyring import KeyRing
from idp.oauth.clients.registration import ClientCredentials
from kernel.clock import ManualClock
from kernel.db import Database
from server.demo.browser import Browser, PageError
from tests.conftest import free_port
from tests.integration.idp.conftest import PASSWORD, Human, World

SAMPLES = Path(__file__).parents[3] / "clients" / "sample_platforms"
SCOPE = "openid profile aff offline_access"
WAIT_S = 30

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def installed() -> Path:
    """Install the libraries once; npm checks them against the lock file."""
    if not (SAMPLES / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--prefer-offline", "--no-progress"], cwd=SAMPLES, check=True, capture_output=True)
    return SAMPLES


@pytest.fixture
def provider(sqlite_database: Database, keyring: KeyRing) -> Iterator[World]:
    """Serve the provider on a port of its own, with the real time: the libraries look at it."""
    port = free_port()
    clock = ManualClock(datetime.now(UTC))
    world = World(sqlite_database, clock, keyring, issuer=f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(world.app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _wait(lambda: server.started)
    yield world
    server.should_exit = True
    thread.join(10)


@contextmanager
def running(sample: str, world: World, port: int, environment: Mapping[str, str]) -> Iterator[str]:
    """Run a sample platform; yield its address."""
    command = ["node", f"src/{sample}.js", "--port", str(port), "--issuer", world.issuer, "--scope", SCOPE]
    process = subprocess.Popen(
        command, cwd=SAMPLES, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: process.poll() is not None or _answers(base))
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        yield base
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def _answers(base: str) -> bool:
    try:
        return httpx.get(base, timeout=1).is_success
    except httpx.TransportError:
        return False


def _wait(until: Any) -> None:
    end = time.monotonic() + WAIT_S
    while not until():
        assert time.monotonic() < end, "it did not start"
        time.sleep(0.05)


@contextmanager
def browsing(base: str) -> Iterator[Browser]:
    """Open a browser at the platform."""
    browser = Browser(base)
    try:
        yield browser
    finally:
        browser.close()


def sign_in(browser: Browser, human: Human) -> dict[str, Any]:
    """Sign in through the platform, consenting; return what the platform received."""
    page = browser.get("/signin")
    page = browser.submit(page, page.form_named("signin"), {"login": human.eid, "password": PASSWORD})
    page = browser.submit(page, page.form_named("consent"), {"decision": "allow"})
    assert page.url == f"{browser.base_url}/"
    return received(browser)


def received(browser: Browser) -> dict[str, Any]:
    told: dict[str, Any] = browser.get("/claims.json").response.json()
    return told


def human_of(world: World) -> Human:
    human = world.person()
    world.activate(human, factor=False)
    return human


def registered(world: World, base: str, **metadata: Any) -> ClientCredentials:
    return world.platform(
        redirect_uris=[f"{base}/callback"],
        post_logout_redirect_uris=[f"{base}/"],
        scope=SCOPE,
        id_token_signed_response_alg="ES256",
        **metadata,
    )


def check(browser: Browser, told: dict[str, Any], human: Human, token_type: str) -> None:
    """What the platform has is the person's, and a refresh brings it again."""
    assert told["claims"]["name"] == human.name
    assert told["claims"]["school_code"] == "4141010459"
    assert told["tokenType"].lower() == token_type
    browser.get("/refresh")
    again = received(browser)
    assert again["claims"]["sub"] == told["claims"]["sub"]
    assert again["refreshToken"]


def test_openid_client_signs_a_person_in(installed: Path, provider: World) -> None:  # noqa: ARG001
    human, port = human_of(provider), free_port()
    made = registered(provider, f"http://127.0.0.1:{port}")
    environment = {
        "XINJI_PLATFORM_CLIENT_ID": made.client_id,
        "XINJI_PLATFORM_CLIENT_SECRET": str(made.client_secret),
    }
    with running("openid_client", provider, port, environment) as base, browsing(base) as browser:
        check(browser, sign_in(browser, human), human, "bearer")
        browser.get("/signout")  # The ID token proves the session: signed out at both, and back.
        assert received(browser) == {}
        assert "/signin" in browser.get(f"{provider.issuer}/account").url


@pytest.mark.parametrize("signs_messages", [False, True], ids=["security-profile", "message-signing"])
def test_oauth4webapi_signs_a_person_in_as_fapi_2_wants_it(
    installed: Path, provider: World, tmp_path: Path, *, signs_messages: bool
) -> None:
    human, port = human_of(provider), free_port()
    key = tmp_path / "platform.key.json"
    made_key = subprocess.run(
        ["node", "src/make_key.js", str(key)], cwd=installed, check=True, capture_output=True, text=True
    )
    signed = {
        "request_object_signing_alg": "ES256",
        "require_signed_request_object": True,
        "authorization_signed_response_alg": "ES256",
        "introspection_signed_response_alg": "ES256",
    }
    made = registered(
        provider,
        f"http://127.0.0.1:{port}",
        token_endpoint_auth_method="private_key_jwt",
        jwks=json.loads(made_key.stdout),
        xinji_profile="fapi2-messages" if signs_messages else "fapi2",
        require_pushed_authorization_requests=True,
        dpop_bound_access_tokens=True,
        **(signed if signs_messages else {}),
    )
    assert made.client_secret is None
    environment = {
        "XINJI_PLATFORM_CLIENT_ID": made.client_id,
        "XINJI_PLATFORM_KEY": str(key),
        "XINJI_PLATFORM_SIGN_MESSAGES": "1" if signs_messages else "0",
    }
    with running("oauth4webapi", provider, port, environment) as base, browsing(base) as browser:
        check(browser, sign_in(browser, human), human, "dpop")


def test_a_platform_with_a_wrong_secret_signs_nobody_in(installed: Path, provider: World) -> None:  # noqa: ARG001
    human, port = human_of(provider), free_port()
    made = registered(provider, f"http://127.0.0.1:{port}")
    environment = {"XINJI_PLATFORM_CLIENT_ID": made.client_id, "XINJI_PLATFORM_CLIENT_SECRET": "guessed"}
    with running("openid_client", provider, port, environment) as base, browsing(base) as browser:
        with pytest.raises(PageError, match=r"callback.* answered 400"):
            sign_in(browser, human)
        assert received(browser) == {}
