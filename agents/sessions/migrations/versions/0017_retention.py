"""Charges that can be folded, an index of unknown effects by their key, and the agents and reasons of what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("charges", sa.Column("calls", sa.Integer))
    single = sa.text("calls IS NULL")
    op.create_index("ix_charges_at", "charges", ["at"], sqlite_where=single, postgresql_where=single)
    op.add_column("waiting", sa.Column("agent", sa.LargeBinary))
    op.add_column("waiting", sa.Column("why", sa.LargeBinary))
    op.drop_index("ix_effects_state", "effects")
    unknown = sa.text("state = 'unknown'")
    op.create_index("ix_effects_key", "effects", ["key"], sqlite_where=unknown, postgresql_where=unknown)
