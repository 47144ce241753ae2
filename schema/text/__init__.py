"""Text for people and text from elsewhere."""
