"""Waits for people, turns that wait without an agent, and standing approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("streams", sa.Column("parked_at", sa.BigInteger))
    op.create_table(
        "waiting",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("call", sa.LargeBinary, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("deadline", sa.Float, nullable=False),
        sa.Column("on_timeout", sa.Text, nullable=False),
        sa.Column("ruling", sa.LargeBinary),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="fk_waiting_stream_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("stream_id", "number"),
    )
    op.create_index("ix_waiting_deadline", "waiting", ["deadline"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("agent", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.Text),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("arguments", sa.LargeBinary),
        sa.Column("by", sa.Text),
        sa.Column("at", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_grants_session_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_grants_session_id", "grants", ["session_id"])
    op.create_index("ix_grants_tool", "grants", ["tool"])
