"""`python -m services.apply [serve|check|migrate|parked|evidence]`."""

from services.kernel.messaging import nameko_kit  # isort: skip  it patches, so it is first

import sys

from services.apply import evidence
from services.apply.service import ApplyService
from services.apply.settings import ApplySettings
from services.kernel import console

if __name__ == "__main__":
    sys.exit(
        console.main(
            "apply",
            sys.argv[1:],
            settings=ApplySettings,
            serve=lambda settings: nameko_kit.run(ApplyService, settings),
            commands={"evidence": evidence.command},
        )
    )
