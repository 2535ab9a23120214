"""How sure a comparison is: pure functions over arrays and frames."""
