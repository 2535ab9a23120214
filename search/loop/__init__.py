"""The bilevel loop: a step of weights, a step of α, epochs, stages."""
