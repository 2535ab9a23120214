"""Latency of whole networks on this machine, kept as records: by protocol, device and runtime."""
