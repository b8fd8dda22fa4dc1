"""Alembic over a service's own migrations, without an ini file."""

from __future__ import annotations

import importlib
from pathlib import Path

from alembic import command
from alembic.config import Config


def migrate(room: str, database_url: str, revision: str = "head") -> None:
    """Bring the database of `room` to `revision` (`services/<room>/migrations`)."""
    command.upgrade(_config(room, database_url), revision)


def _config(room: str, database_url: str) -> Config:
    package = importlib.import_module(f"services.{room}")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("alembic_env")))
    versions = Path(str(package.__path__[0])) / "migrations"
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = database_url
    return config
