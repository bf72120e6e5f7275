"""What imports cannot show: each of these stands in one place only."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernel", "crypto", "ledger", "idp", "credentials", "server")


def files(*folders: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def sources() -> list[Path]:
    return [path for path in files(*FOLDERS) if path.suffix == ".py"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (r"\.commit\(", ("kernel/db.py",)),
        (r"datetime\.(now|utcnow)\(", ("kernel/clock.py",)),
        (r"\bos\.environ\b", ("server/settings.py", "server/processes.py")),
        (r"^\s*(import hashlib|from hashlib)", ("crypto/",)),
        (r"\bINSECURE\b|verify=False", ()),
    ],
)
def test_it_stands_in_one_place_only(text: str, places: tuple[str, ...]) -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(text, path.read_text("utf-8"), re.MULTILINE)
        and not str(path.relative_to(ROOT)).startswith(places or ("-",))
    ]
    assert found == []


def test_select_stands_in_stores_only() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(r"from sqlalchemy import \(?[^)]*?\bselect\b", path.read_text("utf-8"))
        and not any("store" in part for part in path.relative_to(ROOT).parts)
        and path.name != "audit.py"
        and "migrations" not in path.parts
    ]
    assert found == []


def test_no_function_imports() -> None:
    """Local imports appear where nobody rules who may import whom."""
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
                found += [f"{path.relative_to(ROOT)}:{child.lineno}" for child in inner]
    assert found == []


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in sources()
        if "migrations" not in path.parts and (length := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}


def test_no_commit_names_a_registry_or_this_machine() -> None:
    hosts = ("registry.npmjs", "files.python" + "hosted", "pypi" + ".org/simple", f"{ROOT}/")
    found = []
    for path in files("."):
        if path.suffix in {".png", ".gz", ".xlsx", ".pdf"}:
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {host}" for host in hosts if host in text and path != Path(__file__)]
    assert found == []
