"""The owner of a session. Older sessions have no owner, so only an admin sees them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("owner", sa.Text))
    op.create_index("ix_sessions_owner_updated_at_id", "sessions", ["owner", "updated_at", "id"])
