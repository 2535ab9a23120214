"""The search task: run a search into a record, measure its steps, count its arithmetic."""
