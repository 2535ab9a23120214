"""Training with MMEngine: hooks, seeds, processes, progress."""
