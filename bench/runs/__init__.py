"""Run jobs into records: planning, locks, measuring."""
