"""Files that registrars take away."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response, StreamingResponse

from credentials.sheet import write_csv
from ledger.formats.receipts import COLUMNS, Receipt


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a file that is saved as `name` and kept by nobody in between."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def receipts_file(receipts: Iterator[tuple[int | None, Receipt]], name: str) -> Response:
    """Return receipts as a table, each behind its row in its batch; those of corrections have none."""
    rows = (("" if row is None else str(row), *receipt.cells()) for row, receipt in receipts)
    return StreamingResponse(
        write_csv(("row", *COLUMNS), rows), media_type="text/csv; charset=utf-8", headers=attachment(name)
    )
