"""Scripts for pipelines, and what is made for readers: the site and the man pages."""
