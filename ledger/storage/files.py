"""Where a log's files lie: the few things that the tiles ask of whoever keeps them.

A file has a name such as `tile/0/x001/067`. All but the checkpoint are written once and
never changed. Kept by a folder (`ledger.storage.folder`) or an object store (`ledger.storage.object_store`);
one contract test holds both to what is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

Change = Callable[[bytes | None], bytes | None]
"""Given a file's content (None: there is none), returns the new content, or None to leave it."""


class Files(Protocol):
    """The files of one log. Names are relative, with `/` between their parts."""

    def below(self, name: str) -> Files:
        """Return the files of the log that lies in the folder `name` of this one."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None if there is no such file."""
        ...

    def write_new(self, files: Mapping[str, bytes]) -> None:
        """Write files that are never changed afterwards; they outlive a power cut once this returns.

        A file is whole or not there, whenever the process ends. Writing one again is harmless.

        Raises:
            TamperedTilesError: One exists with other bytes; it is not overwritten.
        """
        ...

    def update(self, name: str, change: Change) -> bool:
        """Change one file by compare-and-swap; return whether it was written.

        `change` may be called more than once: again with what another process wrote meanwhile.
        """
        ...

    def names(self, under: str) -> Iterator[str]:
        """Give the names of the files in the folder `under`, at any depth, in no order."""
        ...

    def remove(self, under: str) -> int:
        """Delete the files in the folder `under`; return how many there were."""
        ...

    def replace(self, name: str, content: bytes, *, aside: str) -> None:
        """Put `content` in place of a damaged file, whose bytes are kept as `aside`: for repairs only."""
        ...
