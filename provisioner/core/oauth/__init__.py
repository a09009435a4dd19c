"""The stack's side of OAuth: its requests, what it takes for an answer, and what it does with a callback."""
