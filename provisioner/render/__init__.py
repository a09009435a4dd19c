"""Results as text, JSON, Markdown and annotations: each function returns a string and prints nothing."""
