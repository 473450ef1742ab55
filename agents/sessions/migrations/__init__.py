"""The store's schema, step by step, for Alembic. A released step is never changed. A new step follows it."""

from typing import Final

HEAD: Final = "0017"
"""The last step. This constant lets a store with the newest schema open without an import of Alembic."""
