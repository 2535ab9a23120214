"""Statistics of comparisons: pure functions over arrays and frames."""
