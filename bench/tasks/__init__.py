"""Contract and registry of the tasks, their metrics and workloads, and the names of architectures."""
