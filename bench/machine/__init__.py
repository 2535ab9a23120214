"""The machine that a run has: its description, time, memory."""
