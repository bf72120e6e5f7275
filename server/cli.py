"""The command `xinji`: finds the subcommand's module, and says in a sentence what a person can put right."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Mapping
from typing import Final

import structlog
import typer
from pydantic import ValidationError

from kernel.errors import XinjiError
from server.processes import end_with_parent

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "Do the whole main job over HTTP against itself, then go on serving.",
    "init": "Make a data folder: keys, schema, the province and its first officer.",
    "serve": "Serve what is in the data folder.",
    "witness": "Run a witness: another organisation's process, with keys and a folder of its own.",
    "monitor": "List what is logged in an issuer's name, and check that the log is still the same.",
    "log": "See the log's state and witnesses, check and repair its files; mirror a log.",
    "ledger": "Deploy the contracts, list their versions, and compare the chain with the log.",
    "client": "Register platforms that sign people in here.",
    "keys": "List, rotate and withdraw the keys that sign ID tokens.",
    "check": "List every insecure setting.",
}
USAGE: Final = 2


def main() -> None:
    """Run the command. Status 2 where it was not understood or could not be done."""
    structlog.configure(
        # One line an event. Plain tracebacks: they show no local variables, which hold people's data.
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        known = name in ("--help", "-h", "help")
        typer.echo(_help() if known else f"xinji: there is no command {name}\n\n{_help()}", err=not known)
        sys.exit(0 if known else USAGE)
    end_with_parent()
    command: typer.Typer = importlib.import_module(f"server.commands.{name}").app
    try:
        command(sys.argv[2:], prog_name=f"xinji {name}")
    except ValidationError as error:
        for problem in error.errors():
            typer.echo(f"xinji: {problem['msg']}", err=True)
        sys.exit(USAGE)
    except (XinjiError, OSError) as error:
        typer.echo(f"xinji: {error}", err=True)
        sys.exit(USAGE)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = (f"  {name:{width}}  {says}" for name, says in COMMANDS.items())
    return "\n".join(("信籍 Xinji: trusted identity and credentials for education", "", *lines, ""))
