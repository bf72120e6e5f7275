"""What the log refuses, each with a stable code. Knows no HTTP."""

from __future__ import annotations

from kernel.errors import NotFoundError, XinjiError


class LedgerError(XinjiError):
    """Something about the log, its proofs or its witnesses was refused."""

    code = "ledger_error"


class InvalidProofError(LedgerError):
    """An inclusion or consistency proof does not prove what it is said to prove."""

    code = "proof_invalid"


class InvalidEntryError(LedgerError):
    """Bytes or fields that are no log entry or no commitment."""

    code = "entry_invalid"


class InvalidNoteError(LedgerError):
    """Text that is no signed note, checkpoint or verifier key, or is signed by nobody trusted."""

    code = "note_invalid"


class InvalidNoteSignatureError(InvalidNoteError):
    """A signature by a known key does not verify: the whole note is refused (C2SP signed-note)."""

    code = "note_signature_invalid"


class ConflictingEntryError(LedgerError):
    """The commitment stands in the log or its queue already, in a different entry."""

    code = "entry_conflict"


class LostRaceError(LedgerError):
    """Another process moved the log's head first: its step stands, this one's is rolled back."""

    code = "log_race"


class TamperedTilesError(LedgerError):
    """A tile is missing, has the wrong size or does not lead to the signed root."""

    code = "tiles_tampered"


class LogRolledBackError(LedgerError):
    """A larger or different checkpoint than the database knows has been published.

    The database, or the folder of tiles, is older than the log: going on would fork it.
    """

    code = "log_rolled_back"


class ForkedLogError(LedgerError):
    """The log has signed two histories; both checkpoints are kept as the proof."""

    code = "log_forked"


class ShrunkenLogError(LedgerError):
    """The log shows a smaller tree than it showed before; both checkpoints are kept."""

    code = "log_shrunken"


class BeyondFinalError(LedgerError):
    """A closed log shows more than the final checkpoint that the trust file names, or another of that size."""

    code = "log_beyond_final"


class OtherHistoryError(LedgerError):
    """The chain holds an anchor of another history than a copy of the log."""

    code = "anchor_other_history"


class BehindCopyError(LedgerError):
    """A copy of the log is smaller than the anchor that it is compared with."""

    code = "copy_behind"


class MirrorSourceError(LedgerError):
    """The log that is mirrored or watched does not answer, or lacks a file."""

    code = "mirror_source"


class MonitorStateError(LedgerError):
    """The monitor's folder is in use, damaged, or of another log or issuer."""

    code = "monitor_state"


class InvalidReceiptsError(LedgerError):
    """A file of receipts that cannot be read."""

    code = "receipts_invalid"

    def __init__(self, message: str, *, row: int) -> None:
        """Say in which row, the headings being row 1; 0 is the file as a whole."""
        super().__init__(message, row=row)


class InvalidPolicyError(LedgerError):
    """Text that is no witness policy, or one that says more than can be followed here."""

    code = "policy_invalid"

    def __init__(self, message: str, *, line: int) -> None:
        """Say in which line; 0 is the file as a whole."""
        super().__init__(message, line=line)


class FilesUnavailableError(LedgerError):
    """The store of the log's files does not answer, or cannot keep a log."""

    code = "log_files"


class OtherLogError(LedgerError):
    """The database or the folder belongs to a log of another origin or hash."""

    code = "log_other"


class ShardStepError(LedgerError):
    """A shard is not where this step begins."""

    code = "log_shard"


class EntryNotFoundError(NotFoundError):
    """The log holds no such commitment, evidence or tile."""

    code = "entry_not_found"


class WitnessError(LedgerError):
    """A witness did not cosign."""

    code = "witness_error"


class WitnessUnavailableError(WitnessError):
    """The witness did not answer in time, or not in the protocol's form."""

    code = "witness_unavailable"


class WitnessRefusedError(WitnessError):
    """The witness knows another history, or does not trust this log's key."""

    code = "witness_refused"


class WitnessForkError(WitnessRefusedError):
    """The witness cosigned another history of this log: 409 without a size, or 422 (C2SP tlog-witness)."""

    code = "witness_fork"


class WitnessForgotError(WitnessRefusedError):
    """The witness names a smaller size than it cosigned: its state was lost or restored, its word is worth nothing."""

    code = "witness_forgot"


class WitnessConflictError(WitnessRefusedError):
    """The witness last cosigned another size: 409 Conflict (C2SP tlog-witness)."""

    code = "witness_conflict"

    def __init__(self, message: str, *, tree_size: int) -> None:
        """Keep the `tree_size` that the witness last cosigned."""
        super().__init__(message, tree_size=tree_size)
        self.tree_size = tree_size


class WitnessStateError(LedgerError):
    """The witness's own folder is missing, in use or unreadable: it must not sign."""

    code = "witness_state"
