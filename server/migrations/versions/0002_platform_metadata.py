"""Platforms: what they registered moves into one column, in the words of RFC 7591"""

import sqlalchemy as sa
from alembic import op

import kernel.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CLIENT = sa.table(
    "idp_client",
    sa.column("client_id", sa.String),
    sa.column("redirect_uris", sa.JSON),
    sa.column("post_logout_redirect_uris", sa.JSON),
    sa.column("scope", sa.String),
    sa.column("grant_types", sa.JSON),
    sa.column("auth_method", sa.String),
    sa.column("id_token_alg", sa.String),
    sa.column("require_pkce", sa.Boolean),
    sa.column("default_max_age", sa.Integer),
    sa.column("blocked_at", kernel.db.UtcDateTime),
    sa.column("created_at", kernel.db.UtcDateTime),
    sa.column("state", sa.String),
    sa.column("registered", sa.JSON),
    sa.column("changed_at", kernel.db.UtcDateTime),
)
OLD = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "scope",
    "grant_types",
    "auth_method",
    "id_token_alg",
    "require_pkce",
    "default_max_age",
    "blocked_at",
)


def upgrade() -> None:
    with op.batch_alter_table("idp_client", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=8), nullable=False, server_default="platform"))
        batch_op.add_column(sa.Column("state", sa.String(length=8), nullable=False, server_default="active"))
        batch_op.add_column(sa.Column("registered", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("registration_token_hash", sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column("registered_by", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("changed_at", kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("expires_at", kernel.db.UtcDateTime(timezone=True), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.select(CLIENT)).all():
        registered = {
            "redirect_uris": row.redirect_uris,
            "post_logout_redirect_uris": row.post_logout_redirect_uris,
            "scope": row.scope,
            "grant_types": row.grant_types,
            "token_endpoint_auth_method": row.auth_method,
            "id_token_signed_response_alg": row.id_token_alg,
            "require_pkce": row.require_pkce,
            "default_max_age": row.default_max_age,
        }
        connection.execute(
            sa.update(CLIENT)
            .where(CLIENT.c.client_id == row.client_id)
            .values(
                registered={name: value for name, value in registered.items() if value is not None},
                state="active" if row.blocked_at is None else "blocked",
                changed_at=row.created_at,
            )
        )
    with op.batch_alter_table("idp_client", schema=None) as batch_op:
        for name in OLD:
            batch_op.drop_column(name)
        batch_op.alter_column("kind", existing_type=sa.String(length=8), server_default=None)
        batch_op.alter_column("state", existing_type=sa.String(length=8), server_default=None)
        batch_op.alter_column("registered", existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column("changed_at", existing_type=kernel.db.UtcDateTime(timezone=True), nullable=False)
        batch_op.create_index(batch_op.f("ix_idp_client_registered_by"), ["registered_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_idp_client_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_idp_client_state", ["state", "created_at"], unique=False)
