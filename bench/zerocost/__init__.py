"""An architecture's scores at initialisation, without training."""
