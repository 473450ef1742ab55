"""How often a turn was resumed, so that one that ends the program each time is parked; which batch was written last."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("streams", sa.Column("recoveries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("writer", sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"))
