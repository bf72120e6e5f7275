"""A log in shards by year: what there is becomes the first one"""

import sqlalchemy as sa
from alembic import op

import kernel.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FIRST = "1"
STATES = (
    ("announced_is_empty", "state <> 'announced' OR sequenced_size = 0"),
    ("frozen_is_published", "state <> 'frozen' OR published_size = sequenced_size"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _keyed_anew_on_sqlite()
    else:
        _keyed_anew()
    _heads()
    _endorsements()
    with op.batch_alter_table("log_anchor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shard", sa.SmallInteger(), nullable=False, server_default=FIRST))
        batch_op.drop_index("ix_log_anchor_state")
        batch_op.drop_constraint(op.f("uq_log_anchor_chain_id_contract_tree_size"), type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_log_anchor_chain_id_contract_shard_tree_size"), ["chain_id", "contract", "shard", "tree_size"]
        )
        batch_op.create_index("ix_log_anchor_state", ["shard", "state", "tree_size"], unique=False)
    with op.batch_alter_table("log_anchor", schema=None) as batch_op:
        batch_op.alter_column("shard", existing_type=sa.SmallInteger(), server_default=None)


def _endorsements() -> None:
    op.rename_table("log_anchor_endorsements", "log_anchor_endorsements_before")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(
            op.f("pk_log_anchor_endorsements"), "log_anchor_endorsements_before", type_="primary"
        )  # Its name is that of an index, and is wanted.
    op.create_table(
        "log_anchor_endorsements",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("endorsers", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("endorsed", sa.JSON(), nullable=False),
        sa.Column("asked_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "contract", "shard", "tree_size", name=op.f("pk_log_anchor_endorsements")),
    )
    columns = "chain_id, contract, tree_size, needed, endorsers, confirmed, endorsed, asked_at"
    op.execute(
        f"INSERT INTO log_anchor_endorsements (shard, {columns}) "  # noqa: S608 - our own names
        f"SELECT {FIRST}, {columns} FROM log_anchor_endorsements_before"
    )
    op.drop_table("log_anchor_endorsements_before")


def _heads() -> None:
    with op.batch_alter_table("log_head", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_log_head_one_log"), type_="check")
        batch_op.add_column(sa.Column("state", sa.String(length=16), nullable=False, server_default="open"))
        batch_op.add_column(sa.Column("opens_at", kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("vkeys", sa.JSON(), nullable=True))
        batch_op.create_unique_constraint(op.f("uq_log_head_origin"), ["origin"])
        for name, text in STATES:
            batch_op.create_check_constraint(op.f(f"ck_log_head_{name}"), text)
    with op.batch_alter_table("log_head", schema=None) as batch_op:
        batch_op.alter_column("state", existing_type=sa.String(length=16), server_default=None)
    op.create_index(
        "ix_log_head_open",
        "log_head",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _keyed_anew() -> None:
    """Put the shard into the keys of the tables that are large, where the table itself can stay."""
    for name in ("log_entry", "log_checkpoint"):
        op.add_column(name, sa.Column("shard", sa.SmallInteger(), nullable=False, server_default=FIRST))
        op.alter_column(name, "shard", server_default=None)
        op.drop_constraint(op.f(f"pk_{name}"), name, type_="primary")
    op.create_primary_key(op.f("pk_log_entry"), "log_entry", ["shard", "leaf_index"])
    op.drop_constraint(op.f("uq_log_entry_commitment"), "log_entry", type_="unique")
    op.create_unique_constraint(op.f("uq_log_entry_commitment_shard"), "log_entry", ["commitment", "shard"])
    op.create_primary_key(op.f("pk_log_checkpoint"), "log_checkpoint", ["shard", "tree_size"])
    op.drop_index("ix_log_checkpoint_state", "log_checkpoint")
    op.create_index("ix_log_checkpoint_state", "log_checkpoint", ["shard", "state", "tree_size"])


def _keyed_anew_on_sqlite() -> None:
    """The same where a table's key cannot change: make it anew, and move the rows in the order of the new key."""
    op.drop_index("ix_log_checkpoint_state", "log_checkpoint")
    for name in ("log_entry", "log_checkpoint"):
        op.rename_table(name, f"{name}_before")
    op.create_table(
        "log_entry",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("entry", sa.LargeBinary(length=43), nullable=False),
        sa.PrimaryKeyConstraint("shard", "leaf_index", name=op.f("pk_log_entry")),
        sa.UniqueConstraint("commitment", "shard", name=op.f("uq_log_entry_commitment_shard")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("signed_at", kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("published_at", kernel.db.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shard", "tree_size", name=op.f("pk_log_checkpoint")),
    )
    for name, columns in (
        ("log_entry", "leaf_index, commitment, entry"),
        ("log_checkpoint", "tree_size, root_hash, note, state, signed_at, published_at"),
    ):
        op.execute(
            f"INSERT INTO {name} (shard, {columns}) "  # noqa: S608 - our own names
            f"SELECT {FIRST}, {columns} FROM {name}_before ORDER BY {columns.split(',')[0]}"
        )
        op.drop_table(f"{name}_before")
    op.create_index("ix_log_checkpoint_state", "log_checkpoint", ["shard", "state", "tree_size"])
