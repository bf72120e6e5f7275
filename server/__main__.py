"""`python -m server` is the command `xinji`: how processes start their children."""

from __future__ import annotations

from server.cli import main

main()
