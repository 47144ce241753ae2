"""What a record is: the names of its features and the rules they obey."""
