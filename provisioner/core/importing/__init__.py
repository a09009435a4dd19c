"""Documents of account types in what people have kept of them. Nothing of it is run."""
