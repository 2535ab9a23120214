"""Records: one JSON file for each finished run."""
