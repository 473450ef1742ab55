"""The script that Alembic runs, on the connection and in the transaction of agents/sessions/migrate.py."""

from alembic import context

from agents.sessions.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
