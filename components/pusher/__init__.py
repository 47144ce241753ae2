"""Pusher: publish one release or nothing."""
