"""Names of Transform's execution properties, for its component and its executor."""

from typing import Final

CONFIG: Final = "config"
CONTENT: Final = "content"
