"""The charges of model calls. The usage of each earlier turn becomes one charge, as far as it is known."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

PAGE = 500

SESSIONS = sa.table("sessions", *map(sa.column, ("id", "owner", "name", "parent_id")))
STREAMS = sa.table(
    "streams", *map(sa.column, ("id", "session_id", "begun_at", "ended_at", "usage", "cost", "checkpoint"))
)


def upgrade() -> None:
    charges = op.create_table(
        "charges",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("agent", sa.LargeBinary, nullable=False),
        sa.Column("model", sa.LargeBinary),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("root_session", sa.Text, nullable=False),
        sa.Column("root_stream", sa.Text, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.Float),
        sa.Column("estimated", sa.Integer, nullable=False),
    )
    op.create_index("ix_charges_owner_at", "charges", ["owner", "at"])
    op.create_index("ix_charges_agent_at", "charges", ["agent", "at"])
    op.create_index("ix_charges_root_session", "charges", ["root_session"])
    op.create_index("ix_charges_root_stream", "charges", ["root_stream"])
    op.create_table(
        "allowances",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.LargeBinary, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("amount", sa.Float, nullable=False),
    )
    op.create_index("ix_allowances_count", "allowances", ["count"])
    number = 0
    for rows in _earlier(op.get_bind()):
        op.bulk_insert(charges, [{**row, "number": number + place} for place, row in enumerate(rows, 1)])
        number += len(rows)


def _earlier(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """Yield the charges of the earlier turns, in pages."""
    above = {row.id: row.parent_id for row in connection.execute(sa.select(SESSIONS.c.id, SESSIONS.c.parent_id))}
    last = ""
    while True:
        wanted = sa.select(STREAMS, SESSIONS.c.owner, SESSIONS.c.name).join(
            SESSIONS, SESSIONS.c.id == STREAMS.c.session_id
        )
        found = connection.execute(wanted.where(STREAMS.c.id > last).order_by(STREAMS.c.id).limit(PAGE)).all()
        if not found:
            return
        last = found[-1].id
        if rows := [row for stream in found if (row := _charge(stream, above)) is not None]:
            yield rows


def _charge(stream: Any, above: dict[str, str | None]) -> dict[str, Any] | None:
    """Return the charge of a turn; None if its usage is unknown. above: the callers of sub-agents' sessions."""
    usage, cost = _data(stream.usage), stream.cost
    if stream.ended_at is None:
        spent = _data(_data(stream.checkpoint).get("spent"))
        usage, cost = _data(spent.get("usage")), spent.get("cost", 0.0)
    asked, answered = usage.get("input_tokens"), usage.get("output_tokens")
    if not (asked or answered):
        return None
    root = stream.session_id
    while (caller := above.get(root)) is not None:
        root = caller
    return {
        "epoch": 0,
        "at": stream.begun_at if stream.ended_at is None else stream.ended_at,
        "owner": stream.owner,
        "agent": stream.name,
        "model": None,
        "session_id": stream.session_id,
        "stream_id": stream.id,
        "root_session": root,
        "root_stream": stream.id,
        "input_tokens": asked or 0,
        "output_tokens": answered or 0,
        "cached_tokens": usage.get("cached_tokens") or 0,
        "cost": cost,
        "estimated": int(asked is None or answered is None),
    }


def _data(value: Any) -> dict[str, Any]:
    """Return a stored JSON object; an empty one if the value is missing or damaged."""
    if isinstance(value, bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
