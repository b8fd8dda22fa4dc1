"""`python -m services.retention [serve]|check|migrate|parked …|sweep …`."""

from __future__ import annotations

from services.kernel.messaging import nameko_kit  # isort: skip  it patches first

import argparse
import sys
from datetime import datetime

from services.kernel import console
from services.kernel.contracts.wire import to_builtins
from services.kernel.errors import DanzhengError
from services.kernel.settings import read_settings
from services.kernel.storage.s3 import make_store
from services.retention import bootstrap
from services.retention.service import RetentionService
from services.retention.settings import RetentionSettings


def sweep(arguments: list[str]) -> int:
    """`sweep [--as-of MOMENT] [--dry-run]`: one sweep now, or in development as of any moment."""
    parser = argparse.ArgumentParser(prog="retention sweep")
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="2026-12-24T00:00:00+08:00")
    parser.add_argument("--dry-run", action="store_true", help="only count what is due")
    asked = parser.parse_args(arguments)
    settings = read_settings(RetentionSettings)
    if asked.as_of and settings.environment != "development":
        raise DanzhengError("--as-of is for development: elsewhere the clock alone decides")
    if asked.as_of and asked.as_of.tzinfo is None:
        raise DanzhengError("--as-of needs a time zone, such as +08:00")
    use = bootstrap.from_settings(settings)
    report = use.sweep(asked.as_of or use.clock.now(), dry_run=asked.dry_run)
    use.relay()
    use.close()
    sys.stdout.write(f"{to_builtins(report) if report else 'another sweep is under way'}\n")
    return 0 if report and not report.failed else 1


def _check() -> int:
    findings = bootstrap.check(make_store(read_settings(RetentionSettings), connections=1))
    sys.stdout.write("".join(f"{finding}\n" for finding in findings))
    return 1 if findings else 0


def _main(argv: list[str]) -> int:
    code = console.main(
        "retention",
        argv,
        settings=RetentionSettings,
        serve=lambda settings: nameko_kit.run(RetentionService, settings),
        commands={"sweep": sweep},
    )
    return _check() if code == 0 and argv[:1] == ["check"] else code


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
