"""HTTP, for every server that is spoken to: CouchDB, token endpoints, discovery, pages of providers, the webhook."""
