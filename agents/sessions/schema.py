"""All tables of the store."""

from agents.sessions import ledger_tables, tables  # noqa: F401 (they add their tables)
from agents.sessions.columns import METADATA

__all__ = ["METADATA"]
