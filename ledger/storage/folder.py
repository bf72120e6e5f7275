"""A log's files in a folder, which any web server can serve as it is.

Every file is whole on the disk, and so is the way to it, before anything refers to it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from ledger.errors import TamperedTilesError
from ledger.storage.files import Change

TOGETHER: Final = 128
"""How many files are written at once; each is open until it is on the disk."""
AT_ONCE: Final = 16
"""How many of them wait for the disk at once."""


class Folder:
    """Keeps `ledger.storage.files.Files` below `path`, which is made at the first write."""

    def __init__(self, path: Path) -> None:
        """Use the folder at `path`."""
        self.path = path

    def below(self, name: str) -> Folder:
        """See `Files.below`."""
        return Folder(self.path / name)

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write_new(self, files: Mapping[str, bytes]) -> None:
        """See `Files.write_new`."""
        folders: set[Path] = set()
        new: dict[Path, bytes] = {}
        for name, content in files.items():
            path = self.path / name
            # Folders are synced even where the file stands: who wrote it may have ended before that.
            folders.update(self._above(path))
            if not path.exists():
                new[path] = content
            elif path.read_bytes() != content:
                raise TamperedTilesError(f"{name} exists with other bytes: not overwritten")
        for folder in {path.parent for path in new}:
            folder.mkdir(parents=True, exist_ok=True)
        items = list(new.items())
        for at in range(0, len(items), TOGETHER):
            _write(dict(items[at : at + TOGETHER]))
        for folder in folders:
            _sync(folder)

    def update(self, name: str, change: Change) -> bool:
        """See `Files.update`."""
        with self._lock():
            content = change(self.read(name))
            if content is None:
                return False
            write_whole(self.path / name, content)
        return True

    def names(self, under: str) -> Iterator[str]:
        """See `Files.names`. Drafts that an ended process left have no place in a log, and no name."""
        for folder, _, files in os.walk(self.path / under):
            for file in files:
                if not file.startswith("."):
                    yield str((Path(folder) / file).relative_to(self.path))

    def remove(self, under: str) -> int:
        """See `Files.remove`."""
        folder = self.path / under
        count = 0
        for file in folder.glob("*"):
            file.unlink(missing_ok=True)
            count += 1
        with suppress(OSError):  # Never there, or another process was faster.
            folder.rmdir()
        return count

    def replace(self, name: str, content: bytes, *, aside: str) -> None:
        """See `Files.replace`."""
        damaged = self.read(name)
        if damaged is not None:
            self.write_new({aside: damaged})
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write({path: content})
        for folder in self._above(path):
            _sync(folder)

    def _above(self, path: Path) -> tuple[Path, ...]:
        """Return the folders from a file's own up to the one that holds ours."""
        return tuple(path.parents)[: len(path.relative_to(self.path).parts) + 1]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` in place of the file at `path`, as a whole or not at all; on the disk when this returns."""
    _write({path: content})
    _sync(path.parent)


def _write(files: Mapping[Path, bytes]) -> None:
    """Write whole files or none: under other names, all of them onto the disk, then into place."""
    drafts = {path: path.with_name(f".{path.name}.{secrets.token_hex(6)}") for path in files}
    try:
        with ExitStack() as opened:
            handles: list[int] = []
            for path, content in files.items():
                file = opened.enter_context(drafts[path].open("wb"))
                file.write(content)
                file.flush()
                handles.append(file.fileno())
            _sync_all(handles)
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError:  # A full disk: what was begun must not keep it full.
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise


def _sync_all(handles: Sequence[int]) -> None:
    """Wait for the disk once for several files: one after the other, each would wait for itself."""
    if len(handles) == 1:
        os.fsync(handles[0])
        return
    with ThreadPoolExecutor(min(AT_ONCE, len(handles)), thread_name_prefix="sync") as pool:
        list(pool.map(os.fsync, handles))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
