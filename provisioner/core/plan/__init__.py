"""What applying would do and what became of it, as values, and the port to the database."""
