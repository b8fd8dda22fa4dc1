"""Printers for the tests of finished documents; opening fonts takes a moment, so they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.render.products.declaration_form import FormPrinter
from tests.support.forms import FONT_DIR
from tests.support.seals import TestSeal, make_seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session", params=["rsa", "p256"])
def any_seal(request: pytest.FixtureRequest) -> TestSeal:
    """A seal with either kind of key."""
    return make_seal(request.param)


@pytest.fixture(scope="session")
def seal() -> TestSeal:
    """A seal with an RSA key."""
    return make_seal("rsa")


@pytest.fixture(scope="session")
def printer(seal: TestSeal) -> FormPrinter:
    """A printer that can seal."""
    return FormPrinter(FONT_DIR, seal.material)


@pytest.fixture
def drawn(printer: FormPrinter, tmp_path: Path) -> Callable[..., Path]:
    """A job's document as a file."""

    def draw(job, name: str = "form.pdf") -> Path:
        path = tmp_path / name
        path.write_bytes(printer.draw(job).content)
        return path

    return draw
