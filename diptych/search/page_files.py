"""The files of the page: HTML, one style sheet, and the modules of its program."""

from pathlib import Path

PAGE = Path(__file__).parent / "page"
