"""The command `diptych run`, and what a run prints and keeps at its end."""
