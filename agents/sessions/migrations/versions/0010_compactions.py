"""The compactions of conversations: what a model gets in place of their long beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "compactions",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_compactions_session_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_id", "position"),
    )
