"""The parts of messages: bytes by their hash, and the sessions that use them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "parts",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary),
    )
    op.create_table(
        "part_uses",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_part_uses_session_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["parts.sha256"], name="fk_part_uses_sha256"),
        sa.PrimaryKeyConstraint("session_id", "sha256"),
    )
    op.create_index("ix_part_uses_sha256", "part_uses", ["sha256"])
