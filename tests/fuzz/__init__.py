"""What is read survives everything that can be written into a file."""
