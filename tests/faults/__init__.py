"""What is promised is kept under faults, kills, and other people's edits."""
