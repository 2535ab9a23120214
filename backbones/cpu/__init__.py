"""What is written by hand so that the networks are fast on a CPU; the method itself does not need it."""
