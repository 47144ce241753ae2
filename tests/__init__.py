"""Tests: values with their arithmetic, slow references, round trips, and whole runs."""
