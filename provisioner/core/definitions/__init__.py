"""What definitions are, from the nodes of a file to the result of checking a catalogue."""
