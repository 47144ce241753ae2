"""What tests of pages share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once for a file."""
    with chromium() as started:
        yield started
