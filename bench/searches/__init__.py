"""The search task: run a search, measure its steps, count its arithmetic."""
