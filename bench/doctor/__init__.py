"""Report what this machine can run, and check its GPU."""
