"""The command line: options → adapters → command → render → exit code."""
