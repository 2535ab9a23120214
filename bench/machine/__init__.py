"""Describe the machine of a run; measure time, memory and operations."""
