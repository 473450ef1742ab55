"""Whose a session is. Those that were there before are nobody's: only who may do everything sees them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("owner", sa.Text))
    op.create_index("ix_sessions_owner_updated_at_id", "sessions", ["owner", "updated_at", "id"])
