"""What a running cozy-stack did, and how far the project agrees with it."""
