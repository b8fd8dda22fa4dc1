"""`python -m deploy.local.samples`: the curated samples, or a random set for load tests."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.local.samples.curated import DEFAULT_SEED, curated
from deploy.local.samples.random_set import random_declarations
from deploy.local.samples.writing import write_set

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Write a set and tell how large it is."""
    options = _parser().parse_args(arguments)
    if options.count is None:
        made, folder = curated(options.seed), options.out or HERE
    elif options.out is None:
        _parser().error("--count needs --out")
    else:
        made, folder = random_declarations(options.count, options.seed), options.out
    count = write_set(made, folder, receipts=options.receipts)
    print(f"{count} declarations written to {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.samples", description="Invented declarations and receipts."
    )
    parser.add_argument("--count", type=int, help="that many random declarations")
    parser.add_argument("--out", type=Path, help="where to write; needed with --count")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="beginning of the chances")
    parser.add_argument(
        "--no-receipts", dest="receipts", action="store_false", help="declarations only"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
