"""The terminal: progress, interruption."""
