"""The standing approvals of calls. Each call that needs an approval looks here, so a revoked one allows no more."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from agents.core.standing import StandingApproval
from agents.sessions.ledger_tables import GRANTS
from agents.sessions.row_values import fields_of

if TYPE_CHECKING:
    from agents.sessions.reading import Reading

_FIELDS: Final = [GRANTS.c[name] for name in StandingApproval.__struct_fields__]


def add(connection: Connection, given: StandingApproval) -> None:
    """Keep a standing approval, within a transaction of the journal."""
    row = {name: getattr(given, name) for name in StandingApproval.__struct_fields__}
    connection.execute(insert(GRANTS).values(**row))


async def granted(store: "Reading", call: StandingApproval) -> StandingApproval | None:
    """Return the oldest standing approval that allows a call. call: the one that would allow only this call."""
    fits = [
        GRANTS.c.tool == call.tool,
        GRANTS.c.agent == call.agent,
        _is_of(call.owner),
        or_(GRANTS.c.session_id.is_(None), GRANTS.c.session_id == call.session_id),
        or_(GRANTS.c.arguments.is_(None), GRANTS.c.arguments == call.arguments),
    ]
    rows = await store.rows(select(*_FIELDS).where(*fits).order_by(GRANTS.c.at, GRANTS.c.id).limit(1))
    return StandingApproval(**fields_of(rows[0])) if rows else None


async def standing_approvals(
    store: "Reading", after: str | None, limit: int, owner: str | None
) -> list[StandingApproval]:
    """Return a page of the standing approvals, in the order of their ids. owner: only for this user's agents."""
    wanted = select(*_FIELDS).order_by(GRANTS.c.id).limit(limit)
    if owner is not None:
        wanted = wanted.where(GRANTS.c.owner == owner)
    if after is not None:
        wanted = wanted.where(GRANTS.c.id > after)
    return [StandingApproval(**fields_of(row)) for row in await store.rows(wanted)]


def revoke(connection: Connection, id_: str, owner: str | None) -> bool:
    """Remove a standing approval, and return whether there was one. owner: only if it is for this user's agents."""
    of_owner = [] if owner is None else [GRANTS.c.owner == owner]
    return bool(connection.execute(delete(GRANTS).where(GRANTS.c.id == id_, *of_owner)).rowcount)


def _is_of(owner: str | None) -> ColumnElement[bool]:
    return GRANTS.c.owner.is_(None) if owner is None else GRANTS.c.owner == owner
