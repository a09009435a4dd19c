"""Files: definitions, configuration, credentials, plans, and those of konnectors."""
