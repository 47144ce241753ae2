"""Debian's Chromium, for tests of what a person sees."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser; a test that wants it is skipped where there is none."""
    installed = shutil.which("chromium")
    if installed is None:
        pytest.skip("there is no Chromium on this machine")
    if subprocess.run([installed, "--version"], capture_output=True).returncode:
        pytest.skip("Chromium is not installed whole on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
