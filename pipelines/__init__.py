"""Scripts for pipelines, and the man pages."""
