"""What the tests of the page share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.search_page import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once for a file."""
    with chromium() as started:
        yield started
