"""The schedules of agents, and the history of their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("overlap", sa.Text, nullable=False),
        sa.Column("paused", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_schedules_owner", "schedules", ["owner"])
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"])
    op.create_table(
        "schedule_runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("node", sa.BigInteger),
        sa.Column("begun_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("session_id", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("reason", sa.LargeBinary),
        sa.Column("count", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["schedule"], ["schedules.name"], name="fk_schedule_runs_schedule", ondelete="CASCADE"),
    )
    op.create_index("ix_schedule_runs_schedule_due_at_id", "schedule_runs", ["schedule", "due_at", "id"])
    op.create_index("ix_schedule_runs_state_start_at", "schedule_runs", ["state", "start_at"])
