"""How far the data moved from that of the release that serves."""
