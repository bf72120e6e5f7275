"""What a witness remembers: for each log, the last tree head it cosigned.

One file, replaced as a whole and on the disk before any signature leaves. A witness that
lost it must be retired, not restarted: it would cosign a fork of what it cosigned before.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from crypto.encoding import b64, from_b64
from crypto.errors import InvalidEncodingError
from crypto.hashes import sha256
from ledger.errors import WitnessStateError
from ledger.formats.merkle import TreeHead
from ledger.storage.folder import write_whole

FILE: Final = "state.json"
FORMAT: Final = "xinji/witness-state/1"
RETIRED: Final = "retired"
EVIDENCE: Final = "evidence"
MAX_EVIDENCE: Final = 100
_RETIRED: Final = (
    "this witness signed more than it remembers (see the file `retired`): its state was lost or restored from a "
    "backup. It must not sign any more; make a new one under new keys, in a new folder"
)


def create_state(folder: Path, *, fresh: bool) -> None:
    """Write an empty state where there is none.

    Raises:
        WitnessStateError: There is none, and the witness is not `fresh`: it forgot what it cosigned.
    """
    if (folder / FILE).exists():
        return
    if not fresh:
        raise WitnessStateError("the witness has keys and no state: retire it, make a new one under new keys")
    write_whole(folder / FILE, _encode({}))


class WitnessState:
    """The state of one folder, held by one process under the folder's lock."""

    def __init__(self, folder: Path) -> None:
        """Read the state of `folder`.

        Raises:
            WitnessStateError: Another process holds it, it is missing, damaged or retired.
        """
        if (folder / RETIRED).exists():
            raise WitnessStateError(_RETIRED)
        self._folder = folder
        self._lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._heads = _decode((folder / FILE).read_bytes())
        except BlockingIOError as error:
            self._lock.close()
            raise WitnessStateError("another process uses this witness's folder") from error
        except (OSError, ValueError, TypeError, KeyError, InvalidEncodingError) as error:
            self._lock.close()
            raise WitnessStateError("the witness's state is missing or damaged") from error

    def head(self, origin: str) -> TreeHead | None:
        """Return the last head cosigned of a log."""
        return self._heads.get(origin)

    def remember(self, origin: str, head: TreeHead) -> None:
        """Replace what is known of a log; on the disk when this returns."""
        heads = {**self._heads, origin: head}
        write_whole(self._folder / FILE, _encode(heads))
        self._heads = heads

    def keep_evidence(self, kind: str, text: str, request: bytes) -> None:
        """Keep a request with a checkpoint that could not be cosigned, once for each checkpoint.

        A `fork` only the log can have signed, and is always kept. Of `doubt`, which anybody can
        cause by a wrong proof for a right checkpoint, the first hundred are.
        """
        folder = self._folder / EVIDENCE
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{kind}-{sha256(text.encode()).hex()[:32]}.txt"
        if not path.exists() and (kind == "fork" or len(list(folder.glob(f"{kind}-*"))) < MAX_EVIDENCE):
            write_whole(path, request)

    @property
    def is_retired(self) -> bool:
        """Whether this witness was found to have forgotten, and must not sign any more."""
        return (self._folder / RETIRED).exists()

    def retire(self, checkpoint: str) -> None:
        """Never sign again: `checkpoint` bears a signature of ours, of more than is remembered here."""
        write_whole(self._folder / RETIRED, checkpoint.encode())

    def close(self) -> None:
        """Let another process have the folder."""
        self._lock.close()


def _encode(heads: Mapping[str, TreeHead]) -> bytes:
    logs = {origin: {"size": head.tree_size, "root": b64(head.root_hash)} for origin, head in heads.items()}
    return json.dumps({"format": FORMAT, "logs": logs}, ensure_ascii=False, indent=1).encode() + b"\n"


def _decode(data: bytes) -> dict[str, TreeHead]:
    state = json.loads(data)
    if state["format"] != FORMAT:
        raise ValueError("another format")
    return {origin: TreeHead(int(one["size"]), from_b64(one["root"])) for origin, one in state["logs"].items()}
