"""The pure part: values and decisions, without HTTP, files, clock, environment or printing."""
