"""PostgreSQL: units of work, outbox, inbox, relay and migrations."""
