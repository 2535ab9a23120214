"""The bilevel loop: weight step, architecture step, epochs, stages."""
