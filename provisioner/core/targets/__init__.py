"""The targets that definitions are applied to, and where their credentials come from."""
