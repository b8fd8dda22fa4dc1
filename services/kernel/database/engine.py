"""Connections to PostgreSQL with bounds on every wait."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine

_STATEMENT_LIMIT_MS = 5_000  # a lock or a slow plan gives up here and takes the ladder


def make_engine(
    url: str, *, pool: int = 10, application: str = "danzheng", single_statements: bool = False
) -> Engine:
    """An engine whose statements and waits for a connection end after five seconds.

    With `single_statements` each statement is its own transaction and one way to the database:
    connections are not tried first, so the caller must ask again when one turns out dead.
    """
    apart: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if single_statements else {}
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=not single_statements,
        **apart,
        connect_args={
            "connect_timeout": 5,
            "application_name": application,
            "options": f"-c statement_timeout={_STATEMENT_LIMIT_MS} -c timezone=UTC",
        },
    )
