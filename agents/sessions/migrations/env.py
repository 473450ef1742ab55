"""Run by Alembic: on the connection that agents/sessions/migrate.py gives, in the transaction that it has begun."""

from alembic import context

from agents.sessions.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
