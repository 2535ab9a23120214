"""Terminal input and output: progress, interruption, streams."""
