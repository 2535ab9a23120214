"""Searches without a supernet: sample genotypes, train each for a few epochs, keep the best."""
