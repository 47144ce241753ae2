"""What all sections of the config share."""
