"""The question of a call that waits for a person's answer."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("waiting", sa.Column("question", sa.LargeBinary))
