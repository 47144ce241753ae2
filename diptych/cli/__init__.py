"""The `diptych` command, a file for each subcommand."""
