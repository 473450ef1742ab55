"""The store's schema, step by step, for Alembic. A step that was released is never changed: a new one follows it."""

from typing import Final

HEAD: Final = "0003"
"""The last step. Known without Alembic, so that a store that is up to date opens without loading it."""
