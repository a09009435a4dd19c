"""CouchDB over HTTP."""
