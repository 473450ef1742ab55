"""The tail of events, and the numbers of streams in it. A stream of an older store gets one with its next event."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("streams", sa.Column("number", sa.BigInteger))
    op.create_index("ix_streams_number", "streams", ["number"], unique=True)
    op.create_table(
        "tail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("first_seq", sa.Integer, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["number"], ["streams.number"], name="fk_tail_number", ondelete="CASCADE"),
    )
