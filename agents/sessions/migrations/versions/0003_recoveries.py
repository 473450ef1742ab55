"""The count of a turn's recoveries, for parking, and the number of the last batch that was written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("streams", sa.Column("recoveries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("writer", sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"))
