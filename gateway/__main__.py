"""`python -m gateway web | check | openapi`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.settings import GatewaySettings
from services.kernel.errors import DanzhengError
from services.kernel.observability import logs
from services.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT: Final = Path(__file__).parent / "contracts" / "openapi.json"


def web() -> int:
    """Serve the HTTP API and the pages."""
    from gateway.bootstrap import Process  # noqa: PLC0415  children import this module too

    settings = read_settings(GatewaySettings)
    logs.configure("gateway", settings.log_level)
    return Process(settings).serve()


def check() -> int:
    """Look at settings, broker and store; say what is wrong."""
    from services.kernel.messaging import topology  # noqa: PLC0415  as above
    from services.kernel.storage.s3 import make_store  # noqa: PLC0415

    settings = read_settings(GatewaySettings)
    findings = topology.check(
        settings.amqp_uri.get_secret_value(), pauses_ms=settings.retry_pauses_ms
    )
    make_store(settings, connections=1).ping()
    sys.stdout.write("".join(f"{finding}\n" for finding in findings) or "all is well\n")
    return 1 if findings else 0


def openapi() -> int:
    """Write the description of the HTTP API to the file that is kept with the code."""
    DOCUMENT.write_text(described(), encoding="utf-8")
    return 0


def described() -> str:
    """The OpenAPI document as it is kept."""
    from gateway.app import bare_app  # noqa: PLC0415  as above

    return json.dumps(bare_app().openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


COMMANDS: Final[dict[str, Callable[[], int]]] = {"web": web, "check": check, "openapi": openapi}


def main(argv: list[str]) -> int:
    """Run a command; answers the exit code."""
    command = COMMANDS.get(argv[0] if len(argv) == 1 else "")
    if command is None:
        sys.stderr.write(f"usage: python -m gateway {' | '.join(COMMANDS)}\n")
        return 2
    try:
        return command()
    except DanzhengError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
