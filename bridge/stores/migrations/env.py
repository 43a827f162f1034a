"""Runs the steps on the connection that the store hands over; there is no other way in."""

from alembic import context

from bridge.stores.sql import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
