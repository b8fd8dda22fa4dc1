"""`python -m services.query [serve]|check|migrate|parked …|import …`."""

from __future__ import annotations

from services.kernel.messaging import nameko_kit  # isort: skip  it patches first

import sys

from services.kernel import console
from services.query import bootstrap, importing
from services.query.service import QueryService
from services.query.settings import Settings


def _serve(settings: Settings) -> int:
    return nameko_kit.run(QueryService, settings)


def _import(arguments: list[str]) -> int:
    use = bootstrap.from_env()
    try:
        return importing.main(arguments, use)
    finally:
        use.close()


if __name__ == "__main__":
    sys.exit(
        console.main(
            "query", sys.argv[1:], settings=Settings, serve=_serve, commands={"import": _import}
        )
    )
