"""Accreditation events and status lists are told on the chain: a table of their transactions"""

import sqlalchemy as sa
from alembic import op

import kernel.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("log_anchor", schema=None) as batch_op:
        batch_op.alter_column("nonce", existing_type=sa.BigInteger(), nullable=True)
    op.create_table(
        "log_record",
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("raw_tx", sa.LargeBinary(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_record")),
        sa.UniqueConstraint(
            "chain_id", "contract", "commitment", name=op.f("uq_log_record_chain_id_contract_commitment")
        ),
        sa.UniqueConstraint("chain_id", "contract", "nonce", name=op.f("uq_log_record_chain_id_contract_nonce")),
    )
    with op.batch_alter_table("log_record", schema=None) as batch_op:
        batch_op.create_index("ix_log_record_state", ["contract", "state"], unique=False)
