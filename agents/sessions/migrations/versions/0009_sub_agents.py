"""The link from the session of a sub-agent to that of its caller."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("parent_id", sa.Text))
    op.add_column("sessions", sa.Column("parent_call", sa.Text))
    op.create_index("ix_sessions_parent_id", "sessions", ["parent_id"])
