"""Rich's console and table for text from elsewhere, which is neither markup nor several lines."""

from typing import Any

from rich import console, table
from rich.console import RenderableType

from schema.text.untrusted_text import for_people


class Console(console.Console):
    """A console that prints markup and control characters as they are written."""

    def __init__(self, **named: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **named)

    def print(self, *objects: Any, **named: Any) -> None:
        """Print as Rich does; a string is one line, whatever is in it."""
        super().print(*map(_safe, objects), **named)


class Table(table.Table):
    """A table whose titles and cells are strings from anywhere."""

    def add_column(self, header: RenderableType = "", *args: Any, **named: Any) -> None:
        """Add a column as Rich does."""
        super().add_column(_safe(header), *args, **named)

    def add_row(self, *cells: RenderableType | None, **named: Any) -> None:
        """Add a row as Rich does."""
        super().add_row(*map(_safe, cells), **named)


def _safe(given: Any) -> Any:
    return for_people(given) if isinstance(given, str) else given
