"""`python -m services.auth [serve]|check|migrate|parked …|account …`."""

from __future__ import annotations

from services.kernel.messaging import nameko_kit  # isort: skip  it patches first

import sys

from services.auth.account_command import account
from services.auth.bootstrap import trusted
from services.auth.service import AuthService
from services.auth.settings import Settings
from services.kernel import console
from services.kernel.settings import read_settings


def _settings() -> Settings:
    """The settings, with the certificates they name looked at as well."""
    settings = read_settings(Settings)
    trusted(settings)
    return settings


def _serve(settings: Settings) -> int:
    trusted(settings)
    return nameko_kit.run(AuthService, settings)


def _main(argv: list[str]) -> int:
    asks = _settings if argv[:1] == ["check"] else Settings  # migrating needs no certificates
    return console.main("auth", argv, settings=asks, serve=_serve, commands={"account": account})


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
