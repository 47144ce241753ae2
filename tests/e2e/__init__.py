"""Programs that attack the whole product; each prints a line a case and a summary."""
