"""Cards of pretrained weights: whose they are, where their file is, and what their images looked like."""

from backbones.pretrained.cards import IMAGENET, Normalisation, WeightCard, get, names
from backbones.pretrained.places import card_of, fetch, find, recognise

__all__ = ["IMAGENET", "Normalisation", "WeightCard", "card_of", "fetch", "find", "get", "names", "recognise"]
