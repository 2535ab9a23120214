"""MMEngine as this suite uses it: hooks, seeds, processes, progress."""
