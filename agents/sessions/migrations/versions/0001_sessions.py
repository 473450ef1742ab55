"""Sessions, their streams with the events of each, their conversations, and the writer."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "writer",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
    )
    op.execute("INSERT INTO writer (id, epoch) VALUES (1, 0)")
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("title", sa.LargeBinary),
        sa.Column("config", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("message_count", sa.Integer, nullable=False),
    )
    op.create_index("ix_sessions_updated_at_id", "sessions", ["updated_at", "id"])
    op.create_table(
        "streams",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, _of("sessions", "fk_streams_session_id"), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("messages_from", sa.Integer),
        sa.Column("messages_until", sa.Integer),
        sa.Column("usage", sa.LargeBinary),
        sa.Column("cost", sa.Float),
        sa.Column("checkpoint", sa.LargeBinary),
        sa.Column("checkpoint_seq", sa.Integer),
    )
    op.create_index("ix_streams_session_id_begun_at", "streams", ["session_id", "begun_at"])
    op.create_index("ix_streams_status", "streams", ["status"])
    op.create_table(
        "events",
        sa.Column("stream_id", sa.Text, _of("streams", "fk_events_stream_id"), primary_key=True),
        sa.Column("first_seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "messages",
        sa.Column("session_id", sa.Text, _of("sessions", "fk_messages_session_id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def _of(table: str, name: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", name=name, ondelete="CASCADE")
