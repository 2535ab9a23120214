"""The parts that a search method is made of: relaxation, penalties, perturbation, auxiliary skip, stopping, selection.

A part is its own settings: a config names it by `type`, and its fields are the method's numbers. Each file holds all
parts of one kind.
"""
