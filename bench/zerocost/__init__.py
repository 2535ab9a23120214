"""Zero-cost proxies: scores of an architecture at initialisation, without training."""
