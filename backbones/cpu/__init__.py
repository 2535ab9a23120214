"""Hand-written code that makes the networks fast on a CPU; the method does not need it."""
