"""What a new user needs first: `diptych init` and `diptych doctor`."""
