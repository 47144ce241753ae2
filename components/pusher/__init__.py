"""Pusher: push a run as one release, and promote it if every gate allows that."""
