"""The nodes of a cluster, what each owns, and a fence for each journal in place of the one of `writer`."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "fences",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("incarnation", sa.Text, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "nodes",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("incarnation", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("load", sa.Integer, nullable=False, server_default="0"),
        sa.Column("beat", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("dead_at", sa.BigInteger),
    )
    op.add_column("sessions", sa.Column("node", sa.BigInteger))
    op.add_column("streams", sa.Column("takeovers", sa.Integer, nullable=False, server_default="0"))
    op.drop_column("writer", "batch")
