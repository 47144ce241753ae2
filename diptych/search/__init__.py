"""The search page and the HTTP API: `diptych search`."""
