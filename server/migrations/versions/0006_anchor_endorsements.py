"""Who endorsed an anchor, as the contract said when it was asked; and room for what a chain is honestly called"""

import sqlalchemy as sa
from alembic import op

import kernel.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_anchor_endorsements",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("endorsers", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("endorsed", sa.JSON(), nullable=False),
        sa.Column("asked_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "contract", "tree_size", name=op.f("pk_log_anchor_endorsements")),
    )
    for table in ("log_anchor", "log_record"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("label", existing_type=sa.String(length=64), type_=sa.String(length=200))
