"""All input and output: files, the environment, CouchDB, providers, the browser."""
