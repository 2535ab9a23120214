"""The contract of the tasks and their registry, metrics, architectures, workload."""
