"""Puts Cozy's account types into CouchDB, from definitions kept in git."""

__version__ = "0.1.0"
