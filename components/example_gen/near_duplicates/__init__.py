"""Images outside the train split that show what one of it shows."""
