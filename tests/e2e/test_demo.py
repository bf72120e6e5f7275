"""The demo does the whole main job, and its report is what a stranger goes on with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Installation

pytestmark = pytest.mark.e2e


def test_each_step_held_and_was_counted(demo: Installation) -> None:
    steps = demo.report["steps"]
    assert len(steps) >= 15
    assert all(step["ok"] for step in steps)
    assert all(step.keys() >= {"name", "ok", "seconds", "count"} for step in steps)
    assert any(step["count"] >= 1000 for step in steps)


def test_the_report_names_what_to_go_on_with(demo: Installation) -> None:
    report = demo.report
    assert {account["key"] for account in report["accounts"]} >= {"officer", "registrar", "student"}
    assert all(account["password"] and account["totp_secret"] for account in report["accounts"])
    assert len({client["client_id"] for client in report["clients"]}) == 2
    assert report["share"]["url"].endswith(f"/v#{report['share']['code']}")
    assert report["base_url"] == demo.url
    for name in ("credential_file", "bundle_file", "revoked_credential_file"):
        assert Path(report[name]).exists()


@pytest.mark.parametrize(("file", "status"), [("bundle_file", 0), ("revoked_credential_file", 1)])
def test_the_offline_verifier_says_what_the_file_is(demo: Installation, file: str, status: int) -> None:
    command = [sys.executable, "-m", "xinji_client.cli", demo.report[file], "--json"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**demo.environment, "PYTHONPATH": str(ROOT / "clients/python/src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr


def test_a_second_demo_on_the_same_data_changes_nothing(demo: Installation) -> None:
    assert all(step["ok"] for step in demo.again["steps"])
    assert [account["eid"] for account in demo.again["accounts"]] == [a["eid"] for a in demo.report["accounts"]]
    assert demo.again["clients"] == demo.report["clients"]


def test_no_personal_data_is_in_the_logs_or_on_the_ledger(demo: Installation) -> None:
    names = [
        account["title"].split()[-1] for account in demo.report["accounts"] if account["key"].startswith("student")
    ]
    secrets = [*names, *(account["eid"] for account in demo.report["accounts"]), "4101002004"]
    for folder in ("logs", "log", "chain"):
        for path in (demo.data / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret.encode() in content], path
