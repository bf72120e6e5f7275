"""Run one platform: `python -m clients.demo_platform --port 8001 --issuer http://localhost:8000`.

Client id and secret come from `XINJI_PLATFORM_CLIENT_ID` and `XINJI_PLATFORM_CLIENT_SECRET`
rather than from the command line, which other users of a machine can read.
"""

from __future__ import annotations

import argparse
import os

import uvicorn

from clients.demo_platform.app import SCOPE, demo_platform


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m clients.demo_platform", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 (default) or ::1")
    parser.add_argument("--issuer", default="http://localhost:8000")
    parser.add_argument("--name", default="示范教学平台")
    parser.add_argument("--scope", default=SCOPE)
    parser.add_argument("--client-id", default=os.environ.get("XINJI_PLATFORM_CLIENT_ID"))
    parser.add_argument("--client-secret", default=os.environ.get("XINJI_PLATFORM_CLIENT_SECRET"))
    given = parser.parse_args()
    if not given.client_id or not given.client_secret:
        parser.error("set XINJI_PLATFORM_CLIENT_ID and XINJI_PLATFORM_CLIENT_SECRET")
    host = f"[{given.host}]" if ":" in given.host else given.host
    app = demo_platform(
        given.name,
        given.issuer,
        given.client_id,
        given.client_secret,
        f"http://{host}:{given.port}",
        scope=given.scope,
    )
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
