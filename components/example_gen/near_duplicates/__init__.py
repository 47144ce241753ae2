"""Images outside the train split that are copies of one in it."""
