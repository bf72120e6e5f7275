"""Key-encryption keys: one file per name, in a folder that is never the data folder.

Whoever copies the database and the key ring must still lack these, so a folder inside the
data folder is refused (design: backups never hold them). Knows nothing of what they wrap.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from crypto.errors import KeyCustodyError

KEK_SIZE = 32
NAMES = frozenset({"signing", "fields", "blind-index", "cookies", "shares", "approvals", "pairwise"})


class KekFolder:
    """Reads and, once, creates 32-byte keys as hexadecimal text files with mode 0600 in a 0700 folder."""

    def __init__(self, path: Path, *, data_folder: Path | None = None) -> None:
        """Use `path`, creating it.

        Raises:
            KeyCustodyError: It lies inside the data folder (or holds it), or others may enter it.
        """
        self.path = path.resolve()
        if data_folder is not None:
            data = data_folder.resolve()
            if self.path.is_relative_to(data) or data.is_relative_to(self.path):
                raise KeyCustodyError("key-encryption keys may not lie in one tree with the data folder")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_others(self.path)

    def load_or_create(self, name: str) -> bytes:
        """Return the key of this name. Two processes that come first together get the same key.

        Raises:
            KeyCustodyError: The name is unknown, others may read the file, or it is damaged.
        """
        if name not in NAMES:
            raise KeyCustodyError(f"no key-encryption key is called {name!r}")
        file = self.path / name
        if not file.exists():
            self._create(file)
        _refuse_others(file)
        try:
            key = bytes.fromhex(file.read_text("ascii").strip())
        except ValueError as error:
            raise KeyCustodyError(f"the key file {name} is damaged") from error
        if len(key) != KEK_SIZE:
            raise KeyCustodyError(f"the key file {name} is damaged")
        return key

    def _create(self, file: Path) -> None:
        # Written aside and linked into place: a link fails where the name exists, so that
        # a crash leaves no half key and the second of two processes keeps the first one's.
        draft = self.path / f".{file.name}.{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(KEK_SIZE) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def _refuse_others(path: Path) -> None:
    status = path.stat()
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyCustodyError(f"{path.name} is open to other users: allow its owner only")
    if status.st_uid != os.geteuid():
        raise KeyCustodyError(f"{path.name} belongs to another user")
