"""Records: one JSON file for every finished run."""
