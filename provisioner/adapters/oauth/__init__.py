"""Providers and the browser: the callback, token endpoints, discovery, and tokens that are kept."""
