"""The log's queue lies in the order of commitments: one B-tree instead of three"""

import sqlalchemy as sa
from alembic import op

import kernel.db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TEMPORARY TABLE log_queue_kept AS"
        " SELECT commitment, substr(entry, 1, 11) AS issuer, submitted_at FROM log_queue"
    )
    op.drop_table("log_queue")
    op.create_table(
        "log_queue",
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issuer", sa.LargeBinary(length=11), nullable=False),
        sa.Column("submitted_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_log_queue")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO log_queue (commitment, issuer, submitted_at)"
        " SELECT commitment, issuer, submitted_at FROM log_queue_kept"
    )
    op.drop_table("log_queue_kept")
